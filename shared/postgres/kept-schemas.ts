// shared/postgres/kept-schemas.ts: schemas that a repair replaced and the log cannot give back, kept under a dated name (R18).
// Only a person drops one, by `npm run orders -- kept drop`: no rebuild and no role ever does.

import { AppError } from '../runtime/app-error.ts';
import { type Database, type Queryable, quoteIdentifier, type Row } from './database.ts';

/** Of one schema. Each is as large as what it replaced was: whoever has ten is repairing in a circle, and the disk fills up. */
export const KEPT_MAX = 10;

export interface KeptSchema {
  name: string;
  /** The schema in whose place it stood. */
  of: string;
  /** Epoch milliseconds, whole minutes. */
  keptAt: number;
  /** What the log did not have, as it was said then. */
  why: string | null;
  bytes: number;
  /** Table → rows, of those that people ask for. */
  rows: Record<string, number>;
}

const NAME = /^(.+)_kept_(\d{4})_(\d\d)_(\d\d)_(\d\d)(\d\d)(?:_\d+)?$/;
const COUNTED = ['orders', 'events', 'products', 'reservations'];

/** `read_model_kept_2026_11_29_1448`, in UTC; a second one of the same minute ends in `_2`. */
export const keptName = (schema: string, at: number, taken: ReadonlySet<string>): string => {
  const [year, month, day, hour, minute] = new Date(at).toISOString().split(/[-T:]/);
  const name = `${schema}_kept_${year}_${month}_${day}_${hour}${minute}`;
  for (let n = 1; ; n += 1) {
    const candidate = n === 1 ? name : `${name}_${n}`;
    if (!taken.has(candidate)) return candidate;
  }
};

/** Of which schema, and when; null for a name that no repair gave. */
export const keptOf = (name: string): Pick<KeptSchema, 'of' | 'keptAt'> | null => {
  const [, of, year, month, day, hour, minute] = NAME.exec(name) ?? [];
  return of === undefined ? null : { of, keptAt: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`) };
};

/** The name under which `schema` is to be kept now. Rejects with TOO_MUCH_KEPT. */
export const nameToKeep = async (database: Queryable, schema: string, at: number): Promise<string> => {
  const names = await keptNames(database, [schema]);
  if (names.length < KEPT_MAX) return keptName(schema, at, new Set(names));
  throw new AppError(
    'TOO_MUCH_KEPT',
    `${names.length} replaced schemas of ${schema} are kept already, and no more than ${KEPT_MAX} ever are. Nothing was changed. ` +
      'Look at them with `npm run orders -- kept list`, save what is needed with pg_dump, and drop one with `npm run orders -- kept drop NAME --really`.',
  );
};

export const noteWhyKept = async (client: Queryable, name: string, why: string): Promise<void> => {
  await client.query(`COMMENT ON SCHEMA ${quoteIdentifier(name)} IS '${why.replaceAll("'", "''")}'`); // takes no parameters
};

/** What is kept of these schemas, the oldest first. */
export const listKept = async (database: Queryable, schemas: readonly string[]): Promise<KeptSchema[]> => {
  const kept: KeptSchema[] = [];
  for (const name of await keptNames(database, schemas)) {
    const { rows } = await database.query<{ why: string | null; bytes: number; tables: string[] | null } & Row>(DESCRIBE, [name, COUNTED]);
    const { why, bytes, tables } = rows[0]!;
    kept.push({ name, ...keptOf(name)!, why, bytes, rows: await countRows(database, name, tables ?? []) });
  }
  return kept;
};

/** Drops it for good. The name must be one that `listKept` has given. */
export const dropKept = async (database: Database, { name }: KeptSchema): Promise<void> => {
  await database.query(`DROP SCHEMA ${quoteIdentifier(name)} CASCADE`);
};

const keptNames = async (database: Queryable, schemas: readonly string[]): Promise<string[]> => {
  const { rows } = await database.query<{ name: string }>('SELECT nspname::text AS name FROM pg_namespace ORDER BY 1');
  const mine = rows.map(({ name }) => name).filter((name) => schemas.includes(keptOf(name)?.of ?? ''));
  return mine.sort((one, other) => keptOf(one)!.keptAt - keptOf(other)!.keptAt);
};

const DESCRIBE = `
  SELECT obj_description(n.oid, 'pg_namespace') AS why,
    (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::int8 FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind = 'r') AS bytes,
    (SELECT array_agg(c.relname::text) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND c.relname = ANY ($2)) AS tables
  FROM pg_namespace n WHERE n.nspname = $1`;

const countRows = async (database: Queryable, schema: string, tables: readonly string[]): Promise<Record<string, number>> => {
  const counted: Record<string, number> = {};
  for (const table of COUNTED.filter((name) => tables.includes(name))) {
    const { rows } = await database.query<{ count: number }>(`SELECT count(*) FROM ${quoteIdentifier(schema)}.${quoteIdentifier(table)}`);
    counted[table] = rows[0]!.count;
  }
  return counted;
};
