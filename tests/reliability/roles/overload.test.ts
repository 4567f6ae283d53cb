// Goal: overload harms nobody but those who are too many. Method: with ADMISSION_MAX_PER_SECOND=300, orders come at that rate, at
// twice and at ten times it, in an open loop that does not wait for answers; the oracle compares every single answer with the log and
// PostgreSQL. Speeds are the bench's (part o); here the same number must still come through, and memory must not grow with the rate.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { HttpAnswer } from '../../../bench/load/http-connections.ts';
import { type LoadResult, openLoop } from '../../../bench/load/load-generator.ts';
import { familyMemory } from '../../../bench/measure/process-usage.ts';
import { createJournal, outcomeOf } from '../../oracle/journal.ts';
import { judge } from '../../oracle/oracle.ts';
import { eventually } from '../../support/eventually.ts';
import { patience, slowness } from '../../support/machine.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';

// Ten times it must be a load that this machine can make.
const CAPACITY = Math.round(300 / slowness());
const PHASE_SECONDS = 4;
// More than answers of 50 ms need at ten times the capacity.
const CONNECTIONS = 256;
// What the same process takes anyway from one phase to the next: code that is compiled, and a heap that is not collected at once.
const MEMORY_FACTOR_MAX = 1.5;
// A machine that is busy with something else halves what comes through, now and then; a collapse leaves next to nothing, each time.
const GOODPUT_SHARE_MIN = 0.5;
const ATTEMPTS_MAX = 5;
const REST_LIMIT_MS = patience(60_000);
const OPERATORS_LOOKS = ['/health/live', '/health/ready', '/metrics', '/orders?limit=5', '/orders/metrics'];

const journal = createJournal();
let fleet: Fleet;
let apiPid: number;
beforeAll(async () => {
  const env = { PROCESSING_TIME_MS: '0', ADMISSION_MAX_PER_SECOND: String(CAPACITY) };
  fleet = await startFleet({ ...inject('stack'), count: { api: 1, processor: 1, projector: 1 }, env });
  apiPid = fleet.members('api')[0]!.kept.pid()!;
});
afterAll(() => fleet?.stop());

/** Each answer is an entry; the request's id, which the log keeps, says later what became of it. */
const note = ({ status, head, body }: HttpAnswer): void => {
  const headers = head.toString('latin1');
  const { code, order } = JSON.parse(body.toString()) as { code?: string; order?: { order_id: string; total_amount: number } };
  if (status !== 201 && !/^retry-after: \d+$/im.test(headers)) throw new Error(`${status} without Retry-After: ${body}`);
  journal.add({
    kind: 'submission',
    outcome: outcomeOf(status, code ?? null),
    status,
    code: code ?? null,
    attempts: [/^x-request-id: (\S+)$/im.exec(headers)![1]!],
    key: null,
    chosen: null,
    orderIds: order === undefined ? [] : [order.order_id],
    totalMinor: order === undefined ? 0 : Math.round(order.total_amount * 100),
  });
};

interface Phase extends LoadResult {
  /** With the last answers. */
  elapsedSeconds: number;
  memoryAtRest: number;
}

const phase = async (times: number): Promise<Phase> => {
  const port = Number(new URL(fleet.urls()[0]!).port);
  const startedAt = performance.now();
  const options = { port, connections: CONNECTIONS, warmUpSeconds: 0, seconds: PHASE_SECONDS, rate: times * CAPACITY };
  const result = await openLoop(options, { onMeasuring: () => {}, onMeasured: () => {}, onAnswer: note });
  const elapsedSeconds = (performance.now() - startedAt) / 1_000;
  await untilCompleted();
  return { ...result, elapsedSeconds, memoryAtRest: familyMemory(apiPid) };
};

/** The phase in which as much came through as at the rate itself; or else the last of some. */
const phaseThatKeepsUp = async (times: number): Promise<Phase> => {
  let last = await phase(times);
  for (let attempts = 1; attempts < ATTEMPTS_MAX && last.accepted < GOODPUT_SHARE_MIN * saturated.accepted; attempts += 1) {
    last = await phase(times);
  }
  return last;
};

const accepted = (): number => journal.entries.filter((entry) => entry.kind === 'submission' && entry.status === 201).length;

const untilCompleted = () =>
  eventually(
    async () => {
      const response = await fetch(`${fleet.urls()[0]}/orders/metrics`);
      return ((await response.json()) as { completed_orders: number }).completed_orders >= accepted();
    },
    { what: 'every accepted order to be completed', timeoutMs: REST_LIMIT_MS },
  );

/** Looks again and again as an operator would, until told to stop; resolves with what was not 200. */
const lookAround = () => {
  let over = false;
  const looking = (async () => {
    const failed: string[] = [];
    let looks = 0;
    do {
      for (const path of OPERATORS_LOOKS) {
        const { status } = await fetch(`${fleet.urls()[0]}${path}`);
        if (status !== 200) failed.push(`${path}: ${status}`);
      }
      looks += 1;
    } while (!over);
    return { failed, looks };
  })();
  return () => {
    over = true;
    return looking;
  };
};

let saturated: Phase;

describe('more orders than ADMISSION_MAX_PER_SECOND', () => {
  let twice: Phase;

  it('come through at the rate itself', async () => {
    saturated = await phase(1);
    expect(saturated.accepted).toBeGreaterThan(0);
  });

  it('are 201 or 503 with Retry-After at twice the rate, and as many come through', async () => {
    twice = await phaseThatKeepsUp(2);
    expect(Object.keys(twice.refused)).toEqual(['503']);
    expect(twice.accepted).toBeGreaterThanOrEqual(GOODPUT_SHARE_MIN * saturated.accepted);
  });

  it('do no more harm at ten times the rate: health, metrics and reads answer, and memory is as it was', async () => {
    const stopLooking = lookAround();
    const ten = await phaseThatKeepsUp(10);
    const { failed, looks } = await stopLooking();
    expect(failed).toEqual([]);
    expect(looks).toBeGreaterThan(1);
    expect(Object.keys(ten.refused)).toEqual(['503']);
    expect(ten.refused[503]).toBeGreaterThan(ten.accepted);
    expect(ten.accepted).toBeGreaterThanOrEqual(GOODPUT_SHARE_MIN * saturated.accepted);
    // The bucket itself: a burst of a tenth of a second, and what runs in meanwhile.
    expect(ten.accepted).toBeLessThanOrEqual(CAPACITY * (ten.elapsedSeconds + 0.1));
    expect(ten.memoryAtRest).toBeLessThanOrEqual(MEMORY_FACTOR_MAX * twice.memoryAtRest);
  });

  it('leave in the log what was answered 201, once and completed, and nothing of what was refused', async () => {
    const ledger = await judge(fleet.where, journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    expect(ledger).toMatchObject({ accepted: accepted(), completed: accepted(), unknownLanded: 0, unknownAbsent: 0 });
    expect(new Set(journal.entries.map((entry) => (entry.kind === 'submission' ? entry.code : 'other')))).toEqual(
      new Set([null, 'OVERLOADED']),
    );
  });
});
