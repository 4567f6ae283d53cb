// ops/secrets.ts: `npm run secrets`. Writes what docker-compose.yml must not have a default for into .env: what is there already
// stays as it is, because the database and the tokens in use depend on it.

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';

const SECRET_BYTES = 32;
const secret = (): string => randomBytes(SECRET_BYTES).toString('base64url');

/** A cluster id as Kafka writes one: 16 bytes. A leading dash would be read as an option. */
const clusterId = (): string => {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? clusterId() : id;
};

const MAKERS = {
  JWT_SECRET: secret,
  METRICS_TOKEN: secret,
  POSTGRES_PASSWORD: secret,
  GRAFANA_ADMIN_PASSWORD: secret,
  KAFKA_CLUSTER_ID: clusterId,
};

/** The file's new text, and the names of what was missing in it. An empty value counts as missing. */
export const withSecrets = (text: string): { text: string; added: string[] } => {
  const present = parseEnv(text);
  const added = Object.keys(MAKERS).filter((name) => !present[name]) as (keyof typeof MAKERS)[];
  const kept = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return { text: kept + added.map((name) => `${name}=${MAKERS[name]()}\n`).join(''), added };
};

if (import.meta.main) {
  const file = join(resolve(import.meta.dirname, '..'), '.env');
  const { text, added } = withSecrets(existsSync(file) ? readFileSync(file, 'utf8') : '');
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  console.log(added.length === 0 ? '.env has every secret already.' : `Added to .env: ${added.join(', ')}.`);
}
