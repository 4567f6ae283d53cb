// tests/simulation/processes/rebuild-ledger.ts: `npm run orders -- rebuild` of the ledger, on the simulated tables.
// As processor/ledger/rebuild/rebuild.ts does it: fence all, see where the log ends, fold up to there, write.

import { startCopy } from '../../../processor/consumer-group.ts';
import { type LedgerLoss, ledgerLoss, type ReadBefore } from '../../../processor/ledger/rebuild/ledger-loss.ts';
import { rebuiltLedger } from '../../../processor/ledger/rebuild/rebuilt-ledger.ts';
import { rebuiltStart } from '../../../processor/ledger/rebuild/rebuilt-start.ts';
import { fits } from '../../../shared/log/identity/compare-marks.ts';
import { identityOf } from '../../../shared/log/identity/record-identity.ts';
import { refoldOf } from '../invariants/ledger-at-rest.ts';
import { ORDERS, PRODUCTS, type World } from '../world.ts';

/** Claims are refused then, and readiness asks for a rebuild: an owner that was fenced off has noted its position in Kafka afterwards. */
export const isBehindCopies = ({ ledger, groups }: World): boolean =>
  [...ledger.partitions].some(([key, { start }]) => {
    const [topic, partition] = key.split('/');
    const copies = topic === ORDERS ? groups.processor : groups.products;
    return start.offset < (copies.committed().get(Number(partition))?.offset ?? 0);
  });

const FOLD_MS = [50, 1_500] as const;

const BEYOND_MAX = 60;

/**
 * What Kafka has noted lies beyond the end, as in a log that lost its end: no record is missing here, so that all else has to come out as ever.
 * The operator rebuilds.
 */
export const loseEndOfCopies = (world: World): void => {
  const { sim, log, ledger, groups } = world;
  if (!ledger.complete || isRebuilding(world)) return;
  sim.trace(() => 'what Kafka has noted for the processors lies beyond the end of the log');
  for (const [topic, group] of [
    [ORDERS, groups.processor],
    [PRODUCTS, groups.products],
  ] as const) {
    for (const [partition, { high }] of log.ends(topic))
      if (sim.chance(0.5)) group.note(partition, { offset: high + sim.between(1, BEYOND_MAX) });
  }
  rebuildLedger(world);
};

/** The lock is free again when its holder has died. */
export const isRebuilding = ({ rebuilder }: World): boolean => rebuilder === 'operator' || rebuilder?.alive === true;

export const rebuildLedger = (world: World, by: NonNullable<World['rebuilder']> = 'operator'): void => {
  const { sim, log, ledger } = world;
  if (isRebuilding(world)) return; // one at a time
  world.rebuilder = by;
  if (by === 'operator') world.mayBeBehind = true;
  else if (!world.mayBeBehind) sim.violate(`${by.name} makes a ledger again that has lost nothing`);
  const process = by === 'operator' ? null : by;
  sim.trace(() => 'the ledger is rebuilt');
  ledger.complete = false;
  for (const row of ledger.partitions.values()) Object.assign(row, { epoch: row.epoch + 1, sequence: row.sequence + 1 });
  sim.after(
    sim.between(1, 30),
    () => {
      const ends = new Map([ORDERS, PRODUCTS].map((topic) => [topic, log.ends(topic)]));
      sim.after(sim.between(...FOLD_MS), () => writeLedger(world, ends, true), process);
    },
    process,
  );
};

/** What the log has not got of what processors had read from it; null: nothing. */
export const ledgerLossOf = (world: World): LedgerLoss | null => {
  const { log, ledger, groups } = world;
  const copies = [
    [ORDERS, groups.processor],
    [PRODUCTS, groups.products],
  ] as const;
  const noted = Array.from(ledger.partitions, ([key, { start }]) => {
    const [topic, partition] = key.split('/');
    return { topic: topic!, partition: Number(partition), offset: start.offset };
  });
  const copied = copies.flatMap(([topic, group]) =>
    Array.from(group.committed(), ([partition, { offset }]) => ({ topic, partition, offset })),
  );
  const before: ReadBefore = {
    products: Array.from(ledger.products, ([id, { read }]) => ({ product_id: id, read_version: read?.version ?? 0 })),
    answered: [...ledger.requests].filter(([, { delivered }]) => delivered).map(([id]) => id),
    reservations: [...ledger.reservations].filter(([, { lines }]) => lines.length > 0).map(([id]) => id),
    starts: [...noted, ...copied],
  };
  return ledgerLoss(before, refoldOf(world), (topic, partition) => log.ends(topic).get(partition)!.high);
};

/** What the transaction of a rebuild writes. `isWhole`: all that was made from the log is in the log. */
export const writeLedger = (world: World, ends: ReadonlyMap<string, ReadonlyMap<number, { high: number }>>, isWhole: boolean): void => {
  const { sim, log, ledger, groups } = world;
  const refold = refoldOf(world, ends);
  const made = rebuiltLedger(refold, {
    held: new Map([...ledger.reservations].filter(([, { state }]) => state === 'held')),
    outbox: [...ledger.requests.values()].filter(({ delivered }) => !delivered),
  });
  ledger.products = made.products;
  ledger.reservations = made.reservations;
  ledger.requests = new Map(made.requests.map((row) => [row.answer.requestId, { ...row, answer: row.answer }]));
  const isOfThisLog = (topic: string, partition: number): boolean => {
    const { mark } = ledger.partitions.get(`${topic}/${partition}`)?.start ?? {};
    const { records, highWatermark: high } = log.partitions(topic)[partition]!;
    return mark == null || fits({ partition, ...mark }, { id: log.topicId(topic), high, before: records[mark.nextOffset - 1] });
  };
  const setStart = (topic: string, partition: number, offset: number, note: string | null): number => {
    const key = `${topic}/${partition}`;
    const group = topic === ORDERS ? groups.processor : groups.products;
    const copied = group.committed().get(partition);
    const { offset: copy, stamp } = copied ? startCopy(copied) : { offset: 0, stamp: null };
    const { epoch = 0, sequence = 0 } = ledger.partitions.get(key) ?? {};
    const { high } = ends.get(topic)!.get(partition)!;
    const last = log.partitions(topic)[partition]!.records[high - 1];
    const mark = {
      nextOffset: high,
      topicId: log.topicId(topic),
      lastEventId: last === undefined ? null : identityOf(last),
    };
    const start = {
      offset: rebuiltStart({ needed: offset, copy, end: high, isWhole: isWhole && isOfThisLog(topic, partition) }),
      note,
      mark,
    };
    ledger.partitions.set(key, { epoch: Math.max(epoch, stamp?.epoch ?? 0) + 1, sequence: sequence + 1, start });
    if (copy > start.offset) group.note(partition, { offset: start.offset, ...(note === null ? {} : { metadata: note }) });
    return start.offset;
  };
  for (const [partition, { high }] of ends.get(ORDERS)!) {
    const { startOffset, logTime } = refold.orderPartition(partition, high);
    const start = setStart(ORDERS, partition, startOffset, `logtime=${logTime}`);
    ledger.carried.set(`${ORDERS}/${partition}`, new Map(refold.carried(partition, start, high).map((each) => [each.order.orderId, each])));
  }
  for (const [partition, { high }] of ends.get(PRODUCTS)!) setStart(PRODUCTS, partition, refold.productPartition(partition, high), null);
  ledger.complete = true;
  ledger.wentBack = false;
  world.rebuilder = null;
  sim.trace(() => 'the ledger is complete again');
};
