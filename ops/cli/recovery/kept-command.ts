// ops/cli/recovery/kept-command.ts: `npm run orders -- kept list` and `kept drop`.
// Schemas that a rebuild replaced although the log could not give them back, and taking one of them away.

import type { LogClient } from '../../../shared/log/connect/client.ts';
import { type Database, openDatabase } from '../../../shared/postgres/database.ts';
import { dropKept, type KeptSchema, listKept } from '../../../shared/postgres/kept-schemas.ts';
import { underMaintenanceLock } from '../../../shared/postgres/maintenance-lock.ts';
import type { Addresses } from '../addresses.ts';
import { count, type Terminal } from '../terminal.ts';

export interface KeptDropOptions {
  really?: boolean;
}

/** Resolves with the exit code. */
export const runKeptList = (_: LogClient, addresses: Addresses, terminal: Terminal): Promise<number> =>
  withDatabase(addresses, async (database) => {
    const kept = await listKept(database, keepers(addresses));
    terminal.list(
      kept.map(shown),
      kept.length === 0
        ? ['Nothing is kept.']
        : [HEAD, ...kept.flatMap((each) => [line(each), ...(each.why === null ? [] : [`  ${each.why}`])])],
    );
    return 0;
  });

/** Resolves with the exit code: 1 for a name that is not kept. */
export const runKeptDrop =
  (name: string, { really = false }: KeptDropOptions) =>
  (_: LogClient, addresses: Addresses, terminal: Terminal): Promise<number> =>
    withDatabase(addresses, (database) =>
      underMaintenanceLock(database, 'exclusive', async () => {
        const found = (await listKept(database, keepers(addresses))).find((each) => each.name === name);
        if (found === undefined) {
          terminal.result({ error: `nothing is kept as ${name}` }, [
            `Nothing is kept as ${name}: \`npm run orders -- kept list\` says what is.`,
          ]);
          return 1;
        }
        if (really) await dropKept(database, found);
        terminal.result({ ...shown(found), dry_run: !really }, [
          `${really ? 'Dropped' : 'Would drop'} ${name}: ${contents(found)}.`,
          ...(found.why === null ? [] : [found.why]),
          ...(really ? [] : ['It may be the last copy. Nothing was dropped: say --really.']),
        ]);
        return 0;
      }),
    );

const keepers = ({ READ_MODEL_SCHEMA, LEDGER_SCHEMA }: Addresses): string[] => [READ_MODEL_SCHEMA, LEDGER_SCHEMA];

const withDatabase = async <T>(
  { DATABASE_URL: url, READ_MODEL_SCHEMA: schema }: Addresses,
  work: (database: Database) => Promise<T>,
): Promise<T> => {
  const database = openDatabase({ url, schema, applicationName: 'kept', maxConnections: 2, statementTimeoutMs: 0 });
  try {
    return await work(database);
  } finally {
    await database.end();
  }
};

const NAME_WIDTH = 40;
const SIZE_WIDTH = 11;
const HEAD = `${'schema'.padEnd(NAME_WIDTH)} ${'size'.padStart(SIZE_WIDTH)}  ${'kept at (UTC)'.padEnd(16)}  what is in it`;

const line = (kept: KeptSchema): string =>
  `${kept.name.padEnd(NAME_WIDTH)} ${size(kept.bytes).padStart(SIZE_WIDTH)}  ${minute(kept.keptAt)}  ${rowsOf(kept)}`;

const contents = (kept: KeptSchema): string => `${rowsOf(kept)}, ${size(kept.bytes)}, kept at ${minute(kept.keptAt)} UTC`;

const NOUNS: Readonly<Record<string, string>> = {
  orders: 'orders',
  events: 'archived records',
  products: 'products',
  reservations: 'reservations',
};
const rowsOf = ({ rows }: KeptSchema): string =>
  Object.entries(rows)
    .map(([table, number]) => `${count(number)} ${NOUNS[table]}`)
    .join(', ');

const shown = ({ name, of, keptAt, why, bytes, rows }: KeptSchema) => ({
  schema: name,
  replaced: of,
  kept_at: new Date(keptAt).toISOString(),
  bytes,
  rows,
  why,
});

const minute = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');
const size = (bytes: number): string => `${(bytes / 1e6).toLocaleString('en-US', { maximumFractionDigits: 1 })} MB`;
