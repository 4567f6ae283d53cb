// ops/orders/verify-command.ts: `npm run orders -- verify`.

import { verify } from '../../projector/verify.ts';
import type { LogClient } from '../../shared/log/client.ts';
import type { Addresses } from './addresses.ts';
import type { Terminal } from './terminal.ts';

const VALUE_MAX = 120; // characters of a value in a line for people; --json has all of it

/** Resolves with the exit code: 1 where the read model differs from the log. */
export const runVerify = async (client: LogClient, addresses: Addresses, terminal: Terminal): Promise<number> => {
  const { DATABASE_URL: databaseUrl, ORDERS_TOPIC: topic, READ_MODEL_SCHEMA: schema } = addresses;
  const onProgress = ({ done, total }: { done: number; total: number }): void =>
    terminal.progress(`${done.toLocaleString('en-US')} / ${total.toLocaleString('en-US')} events compared`);
  const result = await verify({ client, topic, databaseUrl, schema, onProgress });
  const { events, orders, drift, differences, seconds } = result;
  const compared = `${orders.toLocaleString('en-US')} orders from ${events.toLocaleString('en-US')} events`;
  const lines =
    drift === 0
      ? [`No difference: ${compared} are in ${schema} as in the log (${seconds.toFixed(1)} s).`]
      : [
          ...differences.map(
            ({ what, id, field, expected, actual }) =>
              `${what} ${id}: ${field} is ${shown(field, actual)}, by the log ${shown(field, expected)}`,
          ),
          ...(differences.length < drift ? ['…'] : []),
          `${drift} differ in ${schema}, of ${compared}. \`npm run orders -- rebuild\` makes the read model anew.`,
        ];
  terminal.result({ schema, ...result }, lines);
  return drift === 0 ? 0 : 1;
};

const shown = (field: string, value: unknown): string => {
  const text = field === 'row' && value === null ? 'missing' : (JSON.stringify(value) ?? 'missing');
  return text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text;
};
