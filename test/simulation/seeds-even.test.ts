import { describeSeeds } from '../support/simulator/seed-tests.ts';

describeSeeds('even');
