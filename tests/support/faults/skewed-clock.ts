// tests/support/faults/skewed-clock.ts: preloaded into a role (`node --import`), it makes the time of day wrong.
// It is wrong by as many milliseconds as the role's file in SKEWED_CLOCKS says, and reads that again on SIGUSR2. Timers and performance.now() stay
// right, as when a clock is set.

import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const folder = process.env.SKEWED_CLOCKS;
const role = basename(dirname(process.argv[1] ?? '')); // ROLE/main.ts
if (folder === undefined) throw new Error('SKEWED_CLOCKS is not set.');

const rightNow = Date.now;
let skewMs = 0;
const read = (): void => {
  skewMs = Number(readFileSync(join(folder, role), 'utf8'));
};
read();
process.on('SIGUSR2', read);

const skewedNow = (): number => rightNow() + skewMs;
globalThis.Date = new Proxy(Date, {
  construct: (target, args: [], newTarget) => Reflect.construct(target, args.length === 0 ? [skewedNow()] : args, newTarget),
  get: (target, name) => (name === 'now' ? skewedNow : Reflect.get(target, name)),
});
