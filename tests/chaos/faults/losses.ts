// tests/chaos/faults/losses.ts: what takes something away that was there: the end of the log, commits, the promise that nothing is deleted.
// Each is repaired as docs/recovery.md says, and costs no acknowledged order.

import { setTimeout as delay } from 'node:timers/promises';
import { createLogClient, type LogClient } from '../../../shared/log/connect/client.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { openDatabase } from '../../../shared/postgres/database.ts';
import { readNextOffsets } from '../../../shared/postgres/tables/checkpoints.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import type { Random } from '../../oracle/random.ts';
import { eventually } from '../../support/eventually.ts';
import { loseEnd } from '../../support/faults/cut-log.ts';
import { setTopic } from '../../support/faults/topic-setting.ts';
import type { Member } from '../../support/stack/service/member.ts';
import type { Fault } from '../fault.ts';
import { restoreEnd } from '../repair.ts';
import { untilStockIsDecided } from '../stock.ts';
import type { World } from '../world.ts';

const LOST_MAX = 60; // records of a partition, besides the others of their batches: some seconds of the load
const SEEN_LIMIT_MS = 60_000;
// A standby's usual lag, and ten times as much.
const LAG_MS = { from: 200, below: 2_000 };
// Long enough that Kafka deletes nothing of this campaign, whatever the clocks of its roles say; any other number than -1 is a difference.
const RETENTION_MS = 30 * 24 * 3_600_000;
const SETTING_SEEN_LIMIT_MS = 120_000; // roles look once a minute

/**
 * A power cut also takes what was acknowledged and not archived yet, for good, as the page says. Here nothing is: api and processor cannot
 * reach the broker until the archive has all of the log. Their clients ask again meanwhile.
 */
const lostEnd: Fault = {
  name: 'the end of the log is lost, and restored from the archive',
  weight: 1,
  alone: true,
  inject: async (world, random) => {
    const { environment, fleet, network } = world;
    const writers = [network.kafka.api, network.kafka.processor];
    for (const writer of writers) writer.refuse();
    try {
      const ends = await untilArchived(world);
      await loseEnd(environment, fleet.where.ordersTopic, cutsOf(ends, random));
      await untilEnded('a projector', () => fleet.members('projector').some(hasSeenLoss));
    } finally {
      for (const writer of writers) writer.heal();
    }
    // They read every partition, and write nothing before they know.
    await untilEnded('every api', () => fleet.members('api').every(hasSeenLoss));
    await restoreEnd(world);
  },
};

const untilArchived = ({ fleet }: World): Promise<Map<number, number>> => {
  const { kafka, database: url, ordersTopic, readModelSchema } = fleet.where;
  const client = clientOf(kafka);
  const database = openDatabase({ url, schema: readModelSchema, applicationName: 'tests', maxConnections: 1 });
  const ends = async (): Promise<Map<number, number> | null> => {
    const [end, archived] = [await logEnd(client, ordersTopic), await readNextOffsets(database, ordersTopic)];
    const highest = new Map(Array.from(end, ([partition, { high }]) => [partition, high]));
    return [...highest].every(([partition, high]) => (archived.get(partition) ?? 0) >= high) ? highest : null;
  };
  return eventually(ends, { what: 'the archive to have all of the log', timeoutMs: SEEN_LIMIT_MS }).finally(() => database.end());
};

/** Half of the partitions lose some, one that has something always does. */
const cutsOf = (ends: ReadonlyMap<number, number>, random: Random): Map<number, number> => {
  const filled = [...ends].filter(([, end]) => end > 0);
  const always = random.below(filled.length);
  const chosen = filled.filter((_, at) => random.below(2) === 0 || at === always);
  return new Map(chosen.map(([partition, end]) => [partition, Math.max(0, end - 1 - random.below(LOST_MAX))]));
};

/** A reader that begins at a position finds it beyond the end; one that goes on finds another record before it, or none. */
const hasSeenLoss = (member: Member): boolean => /recovery\.md#(the-end-of-the-log-is-lost|what-you-see)/.test(member.refusal() ?? '');

const untilEnded = (who: string, check: () => boolean): Promise<unknown> =>
  eventually(check, { what: `${who} to end because of the loss`, timeoutMs: SEEN_LIMIT_MS });

const promotedStandby: Fault = {
  name: 'a standby that lags is promoted',
  weight: 1,
  alone: true,
  mayOversell: true,
  inject: async (world, random) => {
    const { environment, fleet } = world;
    await environment.pair.untilInStep();
    await environment.pair.loseTouch();
    await delay(LAG_MS.from + random.below(LAG_MS.below));
    await environment.pair.failOver();
    await untilStockIsDecided(world);
    await fleet.untilReady();
  },
};

const shortRetention: Fault = {
  name: 'the retention of the log is shortened, and set back when a role says so',
  weight: 1,
  alone: true, // a role that starts meanwhile refuses to
  inject: async ({ fleet }) => {
    const { kafka, ordersTopic } = fleet.where;
    const client = clientOf(kafka);
    const retain = (ms: number) => setTopic(client, ordersTopic, { setting: 'retention.ms', value: String(ms) });
    await retain(RETENTION_MS);
    try {
      await eventually(async () => (await Promise.all(fleet.members().map(saysRetention))).includes(true), {
        what: 'a role to say that the retention is shortened',
        timeoutMs: SETTING_SEEN_LIMIT_MS,
      });
    } finally {
      await retain(-1);
    }
    await eventually(async () => !(await Promise.all(fleet.members().map(saysRetention))).includes(true), {
      what: 'every role to say that the retention is set back',
      timeoutMs: SETTING_SEEN_LIMIT_MS,
    });
    await fleet.untilReady();
  },
};

const saysRetention = async ({ url }: Member): Promise<boolean> =>
  (await (await fetch(`${url}/health/ready`)).text()).includes('retention.ms is');

const clientOf = (kafka: string): LogClient =>
  createLogClient({ brokers: [kafka], clientId: 'tests', logger: createLogger('tests', 'silent') });

export const LOSSES: readonly Fault[] = [lostEnd, promotedStandby, shortRetention];
