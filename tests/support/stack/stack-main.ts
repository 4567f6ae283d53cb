// tests/support/stack/stack-main.ts: `npm start` with data in another folder.
// With other scripts for the roles if a folder of them is given. Run by stack-process.ts. Arguments: data folder, folder with api.ts,
// processor.ts and projector.ts.

import { join, resolve } from 'node:path';
import { explain, runUntilStopped } from '../../../ops/local-stack/run-until-stopped.ts';
import { readStartSettings } from '../../../ops/local-stack/settings.ts';

const CHECKOUT = resolve(import.meta.dirname, '..', '..', '..');
const [dataDir, scripts] = process.argv.slice(2) as [string, string?];
const scriptOf = (role: string) => (scripts === undefined ? join(CHECKOUT, role, 'main.ts') : join(scripts, `${role}.ts`));

const main = () =>
  runUntilStopped({
    checkout: CHECKOUT,
    dataDir,
    settings: readStartSettings(process.env),
    env: process.env,
    scripts: { api: scriptOf('api'), processor: scriptOf('processor'), projector: scriptOf('projector') },
  });

main().catch((error) => {
  explain(error);
  process.exit(1);
});
