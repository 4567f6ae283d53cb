// tests/support/machine-probe.ts: a process that loads what the api loads, does some of its work, and ends. Run by machine.ts.

import { createHash } from 'node:crypto';
import '../../api/app.ts';

const ROUNDS = 20_000;

let text = JSON.stringify({ order_id: 'o-1', user_id: '7', items: [{ product_id: '5', quantity: 1 }] });
for (let n = 0; n < ROUNDS; n += 1) {
  text = JSON.stringify({ ...JSON.parse(text), hash: createHash('sha256').update(text).digest('hex') });
}
