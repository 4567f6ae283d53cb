// ops/local-stack/main.ts: `npm start`. The whole service on this machine until Ctrl-C; what it consists of stands in stack.ts.
// `npm start -- --without-roles`: the broker and the database alone, for repairs (docs/recovery.md).

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { explain, runUntilStopped } from './run-until-stopped.ts';
import { readStartSettings } from './settings.ts';

const { values } = parseArgs({ options: { 'without-roles': { type: 'boolean', default: false } } });
const CHECKOUT = resolve(import.meta.dirname, '..', '..');

const main = async (): Promise<void> => {
  const envFile = join(CHECKOUT, '.env');
  if (existsSync(envFile)) process.loadEnvFile(envFile); // what the environment says already wins
  await runUntilStopped({
    checkout: CHECKOUT,
    dataDir: join(CHECKOUT, '.data'),
    settings: readStartSettings(process.env),
    env: process.env,
    withoutRoles: values['without-roles'],
    scripts: {
      api: join(CHECKOUT, 'api', 'main.ts'),
      processor: join(CHECKOUT, 'processor', 'main.ts'),
      projector: join(CHECKOUT, 'projector', 'main.ts'),
    },
  });
};

main().catch((error) => {
  explain(error);
  process.exit(1);
});
