/** The seed at which each planted bug is found first; `npm run simulate -- --exam --seeds 1..2000` looks for them again. */
export const FOUND_AT: Readonly<Record<string, number>> = {};
