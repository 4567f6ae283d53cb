// ops/local-stack/containers/postgres-container.ts: the database of postgres-server.ts in a container of PostgreSQL's official image.

import { randomBytes } from 'node:crypto';
import { PostgreSqlContainer } from '@testcontainers/postgresql';
import { INITDB_LOCALE, POSTGRES_SETTINGS, roleStatements } from '../postgres/postgres-settings.ts';
import { publishOnLoopback } from './loopback.ts';

export interface PostgresContainerOptions {
  image: string;
  port: number;
  /** Of the role `orders`. */
  password: string;
  /** Null: the data ends with the container. */
  volume: string | null;
}

const PORT_INSIDE = 5432;
const DATA = '/var/lib/postgresql'; // since version 18; the data directory below it carries the version
const FIRST_START_SCRIPT = '/docker-entrypoint-initdb.d/orders.sql';
// What parallel queries share; an engine gives 64 MB, which a hash join of a rebuilt read model exceeds.
const SHARED_MEMORY_BYTES = 256 * 1024 * 1024;

// testcontainers lets its subclasses alone say on which address a port is published.
class LoopbackPostgres extends PostgreSqlContainer {
  protected override async beforeContainerCreated(): Promise<void> {
    publishOnLoopback(this.hostConfig);
  }
}

/** The superuser has no password once the first start is over: it logs in inside of the container only. */
export const postgresContainer = ({ image, port, password, volume }: PostgresContainerOptions): PostgreSqlContainer => {
  const script = [...roleStatements(password), 'ALTER ROLE postgres PASSWORD NULL'].map((statement) => `${statement};\n`).join('');
  const settings = Object.entries(POSTGRES_SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const container = new LoopbackPostgres(image)
    .withExposedPorts({ container: PORT_INSIDE, host: port })
    .withUsername('postgres')
    .withDatabase('postgres')
    .withPassword(randomBytes(24).toString('base64url'))
    .withEnvironment({ POSTGRES_INITDB_ARGS: INITDB_LOCALE.join(' '), TZ: 'UTC' })
    .withCommand(['postgres', ...settings])
    .withCopyContentToContainer([{ content: script, target: FIRST_START_SCRIPT }])
    .withSharedMemorySize(SHARED_MEMORY_BYTES)
    // testcontainers' own check runs a program four times a second for as long as the container lives.
    .withHealthCheck({ test: ['NONE'] as unknown as ['CMD', ...string[]] });
  return volume === null ? container : container.withBindMounts([{ source: volume, target: DATA }]);
};
