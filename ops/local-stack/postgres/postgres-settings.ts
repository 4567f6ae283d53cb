// ops/local-stack/postgres/postgres-settings.ts: what a PostgreSQL of ours is told and what is in it at first, wherever it runs.
// As a process or in a container.

export const POSTGRES_SETTINGS: Readonly<Record<string, string>> = {
  max_connections: '100',
  shared_buffers: '256MB',
  // A busy minute writes about 1 GB of WAL; a small limit would force a checkpoint, and full page images, every few seconds.
  max_wal_size: '2GB',
  wal_compression: 'on',
  // Durability stays: an answered checkpoint survives a power cut, so the read model is never ahead of itself.
  fsync: 'on',
  synchronous_commit: 'on',
  jit: 'off', // our statements run for milliseconds; compiling one takes longer
  autovacuum: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};

// Byte order for text: what sorts before what must not depend on the machine's locales.
export const INITDB_LOCALE = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];

/** One role and one database, both called `orders`, for a server that has neither. Each is one line. */
export const roleStatements = (password: string): string[] => [
  `CREATE ROLE orders LOGIN PASSWORD '${password}'`,
  'CREATE DATABASE orders OWNER orders',
  // A client that connects with the plain URL finds the tables without naming a schema.
  'ALTER ROLE orders SET search_path = read_model, accounts, public',
];
