// tests/integration/hostile/through-a-hang.ts: what must hold while a part that the service needs hangs, and when it has woken up.
// Shared by the tests of the broker and of the database.

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../../api/access/operations.ts';
import { eventually } from '../../support/eventually.ts';
import type { WakeUp } from '../../support/faults/stand-still.ts';
import type { OwnEnvironment } from '../../support/stack/own-environment.ts';
import { type Expectations, everyRequest } from './every-request.ts';
import { type HangingService, startHangingService } from './hanging-service.ts';
import { type Answered, isExpected, nameOf, send, sendAll } from './send-all.ts';

export interface Hang {
  /** What hangs, for people. */
  what: string;
  begin: (environment: OwnEnvironment) => Promise<WakeUp>;
  expected: keyof Expectations;
}

// docs/limits.md: 5 s for the log or the database, 2 s more where a token is waited for first. Three times as long for a machine that is as
// much slower; what waits without a limit takes longer than that.
const ANSWERED_WITHIN_MS = 20_000;
// From the end of the hang on, on a quiet machine.
const REVIVED_WITHIN_MS = 20_000;
const TAG = 'hang';

export const throughAHang = ({ what, begin, expected }: Hang): void => {
  let service: HangingService;
  let load: Load;
  let wakeUp: WakeUp | undefined;
  beforeAll(async () => {
    service = await startHangingService();
    load = submitSteadily(service);
  });
  afterAll(async () => {
    wakeUp?.();
    await load?.stop();
    await service?.stop();
  });
  const { url, admin } = {
    url: () => service.api.url,
    admin: () => service.known.admin,
  };

  describe(`while ${what} hangs`, () => {
    it('has a request of every operation', () => {
      const covered = new Set(everyRequest(service.known, TAG).map(({ operation }) => operation));
      expect(Object.keys(OPERATIONS).filter((operation) => !covered.has(operation as keyof typeof OPERATIONS))).toEqual([]);
    });

    it('every request is answered within its limit, with the code for it', async () => {
      await eventually(() => load.answers.length >= LOAD_BEFORE, { what: 'orders before the hang' });
      wakeUp = await begin(service.environment);
      const answers = await sendAll(url(), admin(), everyRequest(service.known, TAG));
      say(what, answers);
      for (const { row, result, status, retryAfter, tookMs } of answers) {
        expect(row[expected], nameOf(row)).toContain(result);
        expect(tookMs, nameOf(row)).toBeLessThan(ANSWERED_WITHIN_MS);
        if (typeof result === 'string' && status === 503) expect(retryAfter, nameOf(row)).toBe('1');
      }
    });
  });

  describe(`when ${what} has woken up`, () => {
    it('every request is answered as usual within seconds, without a restart', async () => {
      wakeUp?.();
      const again = everyRequest(service.known, TAG).map((row) =>
        eventually(async () => isExpected((await send(url(), admin(), row)).result, row.usual) || 'another answer', {
          what: `${nameOf(row)}, answered ${row.usual.join(' or ')}`,
          timeoutMs: REVIVED_WITHIN_MS,
        }),
      );
      await Promise.all(again);
      await eventually(() => load.answers.slice(-LOAD_BEFORE).every(({ result }) => result === 201), { what: 'orders after the hang' });
      for (const member of service.fleet.members()) expect(member.starts(), `${member.name}\n${member.output()}`).toBe(1);
    });

    it('nothing that was acknowledged is lost, nothing that was refused is recorded, and what was repeated is there once', async () => {
      await load.stop();
      const acknowledged = load.answers.filter(({ result }) => result === 201);
      const counts = await eventually(
        async () => {
          const found = await ordersByUser(service);
          return acknowledged.every(({ user }) => found.get(user) === 1) ? found : null;
        },
        { what: 'each order that was acknowledged to be there, once' },
      );
      const refused = load.answers.filter(({ result }) => result !== 201 && result !== 'LOG_UNAVAILABLE');
      expect(refused.filter(({ user }) => counts.has(user))).toEqual([]);
      for (const name of ['keyed', 'chosen', 'keyed-line']) expect(counts.get(`${TAG}-${name}`), name).toBe(1);
    });
  });
};

interface Load {
  answers: { user: string; result: string | number }[];
  stop: () => Promise<void>;
}

const LOAD_WORKERS = 4;
const LOAD_PAUSE_MS = 100;
const LOAD_BEFORE = 20;

/** Orders without a key, each of a user of its own, all the time. */
const submitSteadily = ({ api, known }: HangingService): Load => {
  const answers: Load['answers'] = [];
  let sent = 0;
  let stopped = false;
  const work = async (): Promise<void> => {
    while (!stopped) {
      const user = `load-${sent++}`;
      const body = { user_id: user, item_ids: [1], total_amount: 1 };
      const row = { operation: 'createOrder' as const, what: 'steadily', method: 'POST', path: '/orders', body };
      const { result } = await send(api.url, known.admin, { ...row, usual: [], brokerHangs: [], databaseHangs: [] });
      answers.push({ user, result });
      await delay(LOAD_PAUSE_MS);
    }
  };
  const workers = Promise.all(Array.from({ length: LOAD_WORKERS }, work));
  return {
    answers,
    stop: async () => {
      stopped = true;
      await workers;
    },
  };
};

const ordersByUser = async ({ api, known }: HangingService): Promise<Map<string, number>> => {
  const response = await fetch(`${api.url}/orders/export`, { headers: { authorization: known.admin } });
  const counts = new Map<string, number>();
  for (const line of (await response.text()).split('\n').filter(Boolean)) {
    const { user_id: user } = JSON.parse(line) as { user_id: string };
    counts.set(user, (counts.get(user) ?? 0) + 1);
  }
  return counts;
};

/** The slowest, for people. */
const say = (what: string, answers: readonly Answered[]): void => {
  const slowest = answers.toSorted((a, b) => b.tookMs - a.tookMs).slice(0, 3);
  const lines = slowest.map(({ row, result, tookMs }) => `${(tookMs / 1_000).toFixed(1)} s, ${result} (${row.operation}, ${row.what})`);
  process.stdout.write(`${what} hangs | slowest of ${answers.length} answers: ${lines.join('; ')}\n`);
};
