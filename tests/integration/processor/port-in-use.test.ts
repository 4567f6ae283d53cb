// A role whose port another program has ends with one line that says what to do.

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { startRole } from '../../support/stack/service/role-process.ts';

const taken = createServer();
beforeAll(async () => {
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
});
afterAll(() => void taken.close());

it('a port in use: one line, without a stack', async () => {
  const { port } = taken.address() as AddressInfo;
  const env = {
    PROCESSOR_PORT: String(port),
    ORDERS_TOPIC: uniqueName('orders'),
    PRODUCTS_TOPIC: uniqueName('products'),
    LEDGER_SCHEMA: uniqueName('ledger'),
    LOG_LEVEL: 'warn',
  };
  const { message } = await startRole('processor', env).then(
    () => expect.unreachable('it started'),
    (error: Error) => error,
  );
  expect(message).toMatch(/code 1\b/);
  expect(message).toContain(`Port ${port} of 127.0.0.1 is in use: stop the program that has it, or give this role another port.`);
  expect(message).not.toMatch(/"stack"|\n\s+at /);
});
