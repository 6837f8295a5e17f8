import { SettlementError } from '../vocabulary/errors.ts';

export type LedgerConfiguration = Readonly<{ databaseUrl: string; readToken: string; logLevel: string; port: number }>;

const SHORTEST_TOKEN = 32;

/**
 * Reads the environment of the books' own service.
 *
 * Errors: thrown CONFIGURATION_INVALID with the variable that is missing or unsuitable.
 */
export function ledgerConfigurationOfProcess(): LedgerConfiguration {
  const { DATABASE_URL = '', LEDGER_READ_TOKEN = '', LOG_LEVEL = 'info', PORT = '4100' } = process.env;
  if (!/^postgres(ql)?:\/\//.test(DATABASE_URL)) throw invalid('DATABASE_URL', 'is a postgres:// URL');
  if (LEDGER_READ_TOKEN.length < SHORTEST_TOKEN) {
    throw invalid('LEDGER_READ_TOKEN', `has at least ${SHORTEST_TOKEN} characters`);
  }
  if (!/^\d{1,5}$/.test(PORT)) throw invalid('PORT', 'is a port number');
  return { databaseUrl: DATABASE_URL, readToken: LEDGER_READ_TOKEN, logLevel: LOG_LEVEL, port: Number(PORT) };
}

function invalid(variable: string, rule: string): SettlementError {
  return new SettlementError('CONFIGURATION_INVALID', `${variable} ${rule}`, { param: variable });
}
