// tests/simulation/invariants/oracle.ts: what the log says by a fold that shares nothing with the product (tests/oracle).
// Once everything has come to rest: no verdict that the product gives differently, one answer for each request, no order that does not end.

import { orderDecoderFor } from '../../../shared/log/codec/order-codec.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import { evolve, type Order } from '../../../shared/order/order.ts';
import { type OrderView, orderView } from '../../../shared/order/order-view.ts';
import { type Folded, foldOrders, isOpen } from '../../oracle/fold.ts';
import { partitionOf, type RawRecord } from '../../oracle/protocol/batch.ts';
import { readRecords } from '../../support/in-memory/log.ts';
import { ORDERS, PARTITIONS, type World } from '../world.ts';

const raw = ({ partition, offset, key, headers, value }: LogRecord): RawRecord => ({
  partition,
  offset,
  isMisplaced: key !== null && partitionOf(key, PARTITIONS) !== partition,
  key: key?.toString() ?? null,
  headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, bytes.toString()])),
  value: value?.toString() ?? null,
});

/** Where the product's fold of the log, or what it shows of an order, is not the oracle's. */
const differences = (records: readonly LogRecord[], { verdicts, orders }: Folded): string[] => {
  const found: string[] = [];
  const mine = new Map<string, Order>();
  const decode = orderDecoderFor(PARTITIONS);
  records.forEach((record, index) => {
    const decoded = decode(record);
    const { event, effect } = verdicts[index]!;
    if (!decoded.ok || event === null) {
      if (decoded.ok || event !== null) found.push(`${record.partition}@${record.offset} is ${decoded.ok ? 'decoded' : decoded.reason}`);
      return;
    }
    const evolved = evolve(mine.get(event.orderId) ?? null, decoded.event);
    if (evolved.order) mine.set(event.orderId, evolved.order);
    if (evolved.effect !== effect) found.push(`${event.name} ${event.version} of ${event.orderId} is ${evolved.effect}, not ${effect}`);
  });
  for (const [id, { status, totalMinor, history, accepted }] of orders) {
    const order = mine.get(id);
    if (order?.status !== status || order.version !== history.length) found.push(`${id} is ${order?.status}, not ${status}`);
    if (order?.accepted?.reference !== accepted) found.push(`${id} is accepted as ${order?.accepted?.reference}, not ${accepted}`);
    if (order) found.push(...unsound(orderView(order), totalMinor));
  }
  return found;
};

/** What nobody may ever be shown. */
const unsound = (view: OrderView, totalMinor: number): string[] => {
  const found: string[] = [];
  const { order_id: id, pending_duration, processing_duration, total_duration } = view;
  for (const seconds of [pending_duration, processing_duration, total_duration]) {
    if (seconds !== null && seconds < 0) found.push(`${id} took ${seconds} s`);
  }
  if (view.total_amount.toFixed(2) !== `${Math.floor(totalMinor / 100)}.${String(totalMinor % 100).padStart(2, '0')}`)
    found.push(`${id} costs ${view.total_amount}, not ${totalMinor} minor units`);
  return found;
};

/** Parked orders may be open: nothing but a request moves them. */
const unfinished = ({ orders, verdicts }: Folded, mayLose: boolean): string[] => {
  const found = [...orders.values()].flatMap((order) =>
    isOpen(order) && !order.parked ? [`${order.orderId} is stuck in ${order.status} at version ${order.history.length}`] : [],
  );
  const answers = new Map<string, string[]>();
  // Of orders that exist: a lost request may have been given back to a log that had got its answer meanwhile.
  const early = new Map<string, string[]>();
  const created = new Set<string>();
  /** Refused before its order was given back behind it, and a copy of that after: no fold remembers the first. */
  const beforeTheirOrders = new Set<string>();
  for (const { event, effect } of verdicts) {
    const isAnswer = (effect === 'applied' || effect === 'refusal') && event!.causationId !== null;
    if (mayLose && effect === 'request' && !created.has(event!.orderId)) beforeTheirOrders.add(event!.id);
    if (effect === 'request') answers.set(event!.id, answers.get(event!.id) ?? early.get(event!.id) ?? []);
    else if (isAnswer) {
      const known = answers.get(event!.causationId!);
      if (known !== undefined) known.push(event!.id);
      else if (created.has(event!.orderId)) early.set(event!.causationId!, [...(early.get(event!.causationId!) ?? []), event!.id]);
    }
    if (effect === 'applied') created.add(event!.orderId);
  }
  // No fold remembers what was answered about an order that does not exist: there the first refusal counts.
  for (const { event, effect } of verdicts) {
    const count = effect === 'request' ? answers.get(event!.id)!.length : 1;
    if (count < 1 || (count > 1 && orders.has(event!.orderId) && !beforeTheirOrders.has(event!.id)))
      found.push(`request ${event!.id} has ${count} answers`);
  }
  return found;
};

/** Facts that answered a request which named another version. */
const wrongVersions = ({ verdicts }: Folded): string[] => {
  const expected = new Map<string, number | null>();
  const found: string[] = [];
  for (const { event, effect } of verdicts) {
    if (effect === 'request' && !expected.has(event!.id)) expected.set(event!.id, event!.data.expected_version);
    const wanted = effect === 'applied' && event!.causationId !== null ? expected.get(event!.causationId) : null;
    if (wanted && wanted + 1 !== event!.version)
      found.push(`${event!.name} of ${event!.orderId} made version ${event!.version} from ${wanted}`);
  }
  return found;
};

export interface Read {
  records: readonly LogRecord[];
  /** A verdict for each of them. */
  folded: Folded;
}

/** All that readers can read of the orders, by partition and offset. */
export const readOrders = ({ log }: World): Read => {
  const records = log.partitions(ORDERS).flatMap((partition) => readRecords(partition, 0, partition.highWatermark));
  return { records, folded: foldOrders(records.map(raw)) };
};

export const checkOracle = (world: World): void => {
  const { records, folded } = readOrders(world);
  for (const found of [...differences(records, folded), ...wrongVersions(folded), ...unfinished(folded, world.log.mayLose)])
    world.sim.violate(found);
};
