// tests/chaos/faults/log.ts: what happens to the log and to those who read it.
// Records that come again, records that are none, partitions that change hands, and clocks that jump.

import { setTimeout as delay } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { processorGroup } from '../../../processor/consumer-group.ts';
import { eventually } from '../../support/eventually.ts';
import { joinAndLeave } from '../../support/faults/group-members.ts';
import { ROLES } from '../../support/faults/network/proxied-fleet.ts';
import { asSnappy, batchOf, resendable } from '../../support/faults/network/raw-batches.ts';
import { connectRaw, type RawBroker } from '../../support/faults/network/raw-broker.ts';
import type { Fault } from '../fault.ts';

const PARTITIONS = 12;
const REPEATED_MAX = 50; // batches
const STORM_MEMBERS = 3;
const BOMB_BYTES = 20_000_000;
const HOURS_MS = 3_600_000;
// A broker that was killed is back within seconds.
const BROKER_LIMIT_MS = 60_000;
const JUMP_LASTS_MS = { from: 2_000, below: 10_000 };

/** The broker may be away, or go away, because of the fault beside this one: whoever writes to it comes again. */
const withBroker = (kafka: string, work: (raw: RawBroker) => Promise<unknown>): Promise<unknown> =>
  eventually(
    async () => {
      const raw = await connectRaw(kafka);
      try {
        await work(raw);
      } finally {
        raw.close();
      }
      return true;
    },
    { what: 'the broker to take a batch', timeoutMs: BROKER_LIMIT_MS },
  );

const repeat: Fault = {
  name: 'records are delivered again',
  weight: 2,
  inject: async ({ fleet }, random) => {
    const { kafka, ordersTopic } = fleet.where;
    const partition = random.below(PARTITIONS);
    const share = random.next();
    await withBroker(kafka, async (raw) => {
      const batches = await raw.batches(ordersTopic, partition);
      const from = Math.floor(share * Math.max(batches.length - REPEATED_MAX, 1));
      for (const batch of batches.slice(from, from + REPEATED_MAX)) await raw.append(ordersTopic, partition, resendable(batch));
    });
  },
};

const poison: Fault = {
  name: 'somebody writes a record that is no event, or a batch that nobody opens',
  weight: 1,
  inject: async ({ fleet }, random) => {
    const { kafka, ordersTopic } = fleet.where;
    const record = { key: Buffer.from('poison'), value: Buffer.alloc(random.below(500_000), 'x'), headers: [] };
    const small = { ...record, value: null };
    const batches = [
      () => batchOf([record]),
      () => batchOf([small, small], 'snappy', asSnappy),
      () => batchOf([small, small, small].map((each, index) => ({ ...each, delta: 2 - index }))),
      () => batchOf([{ ...small, value: Buffer.alloc(BOMB_BYTES) }], 'zstd', zstdCompressSync),
    ];
    const [partition, batch] = [random.below(PARTITIONS), random.pick(batches)()];
    await withBroker(kafka, (raw) => raw.append(ordersTopic, partition, batch));
  },
};

const storm: Fault = {
  name: 'members join and leave a group',
  weight: 1,
  inject: async ({ fleet }, random) => {
    const { kafka, ordersTopic } = fleet.where;
    const group = random.pick([processorGroup(ordersTopic), `${ordersTopic}.projector`]);
    for (let member = 0; member < STORM_MEMBERS; member++) await joinAndLeave(kafka, group, ordersTopic);
    await fleet.untilReady();
  },
};

const jump: Fault = {
  name: 'the clocks of a role jump by hours and back',
  weight: 2,
  inject: async ({ clocks, fleet }, random) => {
    const role = random.pick(ROLES);
    await clocks.set({ [role]: (random.below(11) - 5) * HOURS_MS });
    try {
      await delay(JUMP_LASTS_MS.from + random.below(JUMP_LASTS_MS.below));
    } finally {
      await clocks.set({ [role]: 0 });
    }
    await fleet.untilReady();
  },
};

export const LOG_FAULTS: readonly Fault[] = [repeat, poison, storm, jump];
