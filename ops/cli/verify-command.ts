// ops/cli/verify-command.ts: `npm run orders -- verify`: the read model and the stock ledger, each against the log.

import { verifyLedger } from '../../processor/ledger/verify/verify.ts';
import { lossSentence, recoveryOf } from '../../projector/loss/log-loss.ts';
import { type VerifyResult, verify } from '../../projector/verify/verify.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import type { Addresses } from './addresses.ts';
import { count, type Terminal } from './terminal.ts';

const VALUE_MAX = 120; // characters of a value in a line for people; --json has all of it

/** Resolves with the exit code: 1 where either differs from the log. */
export const runVerify = async (client: LogClient, addresses: Addresses, terminal: Terminal): Promise<number> => {
  const { DATABASE_URL: databaseUrl, ORDERS_TOPIC: topic, READ_MODEL_SCHEMA: schema } = addresses;
  const onProgress = ({ done, total }: { done: number; total: number }): void =>
    terminal.progress(`${count(done)} / ${count(total)} events compared`);
  const result = await verify({ client, topic, databaseUrl, schema, onProgress });
  const ledger = await verifyLedger({
    client,
    topics: { orders: topic, products: addresses.PRODUCTS_TOPIC },
    databaseUrl,
    schema: addresses.LEDGER_SCHEMA,
    onProgress: ({ done, total }) => terminal.progress(`stock ledger: ${count(done)} / ${count(total)} events`),
  });
  const { events, orders, archiveFrom, drift, differences, seconds } = result;
  const compared = `${count(orders)} orders from ${count(events)} events`;
  const inLedger = `${count(ledger.products)} products and ${count(ledger.reservations)} reservations`;
  const lines = [
    ...(drift === 0
      ? [`No difference: ${compared} are in ${schema} as in the log (${seconds.toFixed(1)} s).`]
      : [...described(differences, drift), `${drift} differ in ${schema}, of ${compared}.`]),
    ...(archiveFrom === 0 ? [] : [`The archive begins at offset ${count(archiveFrom)}: what is older was dropped from it.`]),
    ...(ledger.drift === 0
      ? [`No difference: ${inLedger} are in ${addresses.LEDGER_SCHEMA} as the log says.`]
      : [...described(ledger.differences, ledger.drift), `${ledger.drift} differ in ${addresses.LEDGER_SCHEMA}, of ${inLedger}.`]),
    ...advice(result, ledger.drift, topic),
  ];
  terminal.result({ schema, ...result, ledger }, lines);
  return drift + ledger.drift === 0 ? 0 : 1;
};

/** A rebuild gives back what the log has; what it has not is here alone (R18). */
const advice = ({ drift, loss }: VerifyResult, ledgerDrift: number, topic: string): string[] => {
  if (loss !== null) return [lossSentence(loss, topic), `Change nothing yet. What to do: ${recoveryOf(loss)}.`];
  return drift + ledgerDrift === 0 ? [] : ['`npm run orders -- rebuild` rebuilds both.'];
};

interface Found {
  what: string;
  id: string;
  field: string;
  expected: unknown;
  actual: unknown;
}

const described = (differences: readonly Found[], drift: number): string[] => [
  ...differences.map(
    ({ what, id, field, expected, actual }) => `${what} ${id}: ${field} is ${shown(field, actual)}, by the log ${shown(field, expected)}`,
  ),
  ...(differences.length < drift ? ['…'] : []),
];

const shown = (field: string, value: unknown): string => {
  const text = field === 'row' && value === null ? 'missing' : (JSON.stringify(value) ?? 'missing');
  return text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text;
};
