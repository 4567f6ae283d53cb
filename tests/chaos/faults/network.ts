// tests/chaos/faults/network.ts: what happens between a role and the broker or the database.

import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../oracle/random.ts';
import type { FaultProxy } from '../../support/faults/network/fault-proxy.ts';
import { failAnswers, hitAnswers, refuseAppends } from '../../support/faults/network/injections.ts';
import { FETCH, PRODUCE } from '../../support/faults/network/kafka-frames.ts';
import { ROLES } from '../../support/faults/network/proxied-fleet.ts';
import type { Fault } from '../fault.ts';
import { untilStockIsDecided } from '../stock.ts';
import type { World } from '../world.ts';

const LASTS_MS = { from: 1_000, below: 9_000 };
const SLOW = { latencyMs: 150, bytesPerSecond: 200_000 };
const HIT_EVERY = 3;
// KAFKA_STORAGE_ERROR, NOT_ENOUGH_REPLICAS_AFTER_APPEND: https://kafka.apache.org/protocol#protocol_error_codes
const ERROR_CODES = [56, 20];
// KAFKA_STORAGE_ERROR, NOT_ENOUGH_REPLICAS.
const NOT_APPENDED = [56, 19];
const LATER_THAN_THE_TIMEOUT_MS = 12_000; // of a request: 10 s (shared/log/connect/client.ts)
const LATE_EVERY = 50; // each stops its writer for those ten seconds

/** Breaks it, lets some seconds pass, heals it, and waits until every role is ready again. */
const forSomeSeconds = async ({ fleet }: World, random: Random, { broken, proxy }: { broken: () => unknown; proxy: FaultProxy }) => {
  broken();
  await delay(LASTS_MS.from + random.below(LASTS_MS.below));
  proxy.heal();
  await fleet.untilReady();
};

const anyProxy = ({ network }: World, random: Random): FaultProxy =>
  network[random.pick(['kafka', 'postgres'] as const)][random.pick(ROLES)];

const onAny = (name: string, weight: number, breaking: (proxy: FaultProxy) => unknown): Fault => ({
  name,
  weight,
  inject: (world, random) => {
    const proxy = anyProxy(world, random);
    return forSomeSeconds(world, random, { proxy, broken: () => breaking(proxy) });
  },
});

const lostAnswers: Fault = {
  name: 'connections cut between a request to the broker and its answer',
  weight: 3,
  inject: (world, random) => {
    const proxy = world.network.kafka[random.pick(ROLES)];
    const apiKey = random.pick([PRODUCE, FETCH]);
    return forSomeSeconds(world, random, { proxy, broken: () => hitAnswers(proxy, apiKey, { every: HIT_EVERY, verdict: 'cut' }) });
  },
};

const storageErrors: Fault = {
  name: 'the broker says that it failed after it has appended',
  weight: 2,
  inject: (world, random) => {
    const proxy = world.network.kafka[random.pick(['api', 'processor'] as const)];
    const errorCode = random.pick(ERROR_CODES);
    return forSomeSeconds(world, random, { proxy, broken: () => failAnswers(proxy, PRODUCE, { every: HIT_EVERY, errorCode }) });
  },
};

const refusedAppends: Fault = {
  name: 'the broker refuses to append',
  weight: 1,
  inject: (world, random) => {
    const proxy = world.network.kafka[random.pick(['api', 'processor'] as const)];
    const errorCode = random.pick(NOT_APPENDED);
    return forSomeSeconds(world, random, { proxy, broken: () => refuseAppends(proxy, { every: HIT_EVERY, errorCode }) });
  },
};

const lateAnswers: Fault = {
  name: 'an answer to an append comes after its time-out',
  weight: 1,
  inject: (world, random) => {
    const proxy = world.network.kafka[random.pick(['api', 'processor'] as const)];
    const verdict = { delayMs: LATER_THAN_THE_TIMEOUT_MS };
    return forSomeSeconds(world, random, { proxy, broken: () => hitAnswers(proxy, PRODUCE, { every: LATE_EVERY, verdict }) });
  },
};

const halfOpenDatabase: Fault = {
  name: 'connections of a role to the database go half-open, and new ones work',
  weight: 2,
  inject: async (world, random) => {
    const proxy = world.network.postgres[random.pick(ROLES)];
    proxy.vanish();
    proxy.heal();
    await untilStockIsDecided(world);
    await world.fleet.untilReady();
  },
};

export const NETWORK_FAULTS = [
  onAny('connections of a role are reset', 3, (proxy) => proxy.cut()),
  onAny('connections of a role are refused', 2, (proxy) => proxy.refuse()),
  onAny('the network of a role is slow', 2, (proxy) => proxy.slow(SLOW)),
  onAny('connections of a role are half-open', 2, (proxy) => proxy.vanish()),
  lostAnswers,
  storageErrors,
  refusedAppends,
  lateAnswers,
  halfOpenDatabase,
];
