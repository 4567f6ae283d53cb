// tests/simulation/clients/fulfiller.ts: an endpoint of fulfilment that accepts orders and reports later, as their keys and the docs ask.
// It remembers its work whatever becomes of its answers; it reports again when in doubt, once too often, or never.

import type { AskedChange } from '../../../api/orders/requested-change.ts';
import { type Accepted, DONE, type RetryLater } from '../../../processor/fulfilment/fulfilment.ts';
import type { ReportedOutcome } from '../../../shared/order/events.ts';
import type { Endpoint } from '../processes/processor.ts';
import type { World } from '../world.ts';
import type { ClientDriver } from './client-driver.ts';

export interface Fulfiller {
  endpoint: Endpoint;
  /** From now on it can report. */
  join: (system: Reached) => void;
  /** Whether the work for this order was done. */
  hasDone: (orderId: string) => boolean;
}

/** How its reports reach the service. */
interface Reached {
  world: World;
  driver: ClientDriver;
}

interface Job {
  reference: string | null;
  /** Of the order, as it was sent: one that is sent again after it was parked has a higher one. */
  version: number;
  state: 'working' | ReportedOutcome;
  /** It forgets to report. */
  isSilent: boolean;
}

const BUSY: RetryLater = { outcome: 'retry', failure: { code: 'FULFILMENT_FAILED', detail: 'busy' }, blames: 'order', afterMs: 0 };
const AGAIN_MS = [20, 1_500] as const;

export const createFulfiller = (): Fulfiller => {
  const jobs = new Map<string, Job>();
  let system: Reached | null = null;
  let begun = 0;

  const accepted = ({ reference }: Job): Accepted => ({ outcome: 'accepted', reference });

  const endpoint: Endpoint = ({ orderId, version }, sim) => {
    const afterMs = sim.chance(0.2) ? sim.between(500, 3_000) : sim.between(0, 300);
    const known = jobs.get(orderId);
    // Its report is under way, or was made when nobody wanted to hear it.
    if (known?.state === 'done') return { afterMs, outcome: known.version < version || sim.chance(0.5) ? DONE : accepted(known) };
    if (known !== undefined && (known.version >= version || (known.state === 'working' && !known.isSilent))) {
      known.version = version;
      return { afterMs, outcome: accepted(known) };
    }
    const isCalm = sim.now() >= sim.calmFrom;
    if (!isCalm && sim.chance(0.1)) return { afterMs, outcome: BUSY };
    begun += 1;
    const isAtOnce = sim.chance(0.2);
    const job: Job = {
      reference: sim.chance(0.7) ? `job-${begun}` : null,
      version,
      state: isAtOnce ? 'done' : 'working',
      isSilent: !isCalm && sim.chance(0.2),
    };
    jobs.set(orderId, job);
    if (isAtOnce) return { afterMs, outcome: DONE };
    // Some report before their 202 has arrived, some after the deadline.
    const workMs = isCalm || sim.chance(0.6) ? sim.between(0, 2_000) : sim.between(2_000, 9_000);
    const fails = !isCalm && sim.chance(0.3);
    if (!job.isSilent) sim.after(workMs, () => finish(orderId, job, fails ? 'failed' : 'done'), null);
    return { afterMs, outcome: accepted(job) };
  };

  const finish = (orderId: string, job: Job, outcome: ReportedOutcome): void => {
    job.state = outcome;
    const { sim } = system!.world;
    report(orderId, job, outcome).catch((error: unknown) => sim.violate(`the fulfiller failed: ${String((error as Error).stack)}`));
  };

  const report = async (orderId: string, { reference }: Job, outcome: ReportedOutcome): Promise<void> => {
    const { sim } = system!.world;
    const key = sim.chance(0.5) ? `report-${reference ?? orderId}` : null;
    const asked = reported(outcome, sim.chance(0.7) ? reference : null);
    // About another job than the one the order was accepted with: it is done all the same, so that it does no harm where nobody can know.
    if (outcome === 'done' && sim.chance(0.2)) await send(orderId, reported('done', 'job-of-another'), null);
    while (!(await send(orderId, asked, key))) {
      if (sim.now() >= system!.world.settings.changesMs) return;
      await sim.pause(sim.between(...AGAIN_MS));
    }
    if (sim.chance(0.4)) {
      await sim.pause(sim.between(0, 3_000));
      await send(orderId, asked, key);
    }
    if (outcome === 'done' && sim.chance(0.2)) await send(orderId, reported('failed', reference), null);
  };

  /** Whether it is known what came of it. */
  const send = async (orderId: string, asked: AskedChange, idempotencyKey: string | null): Promise<boolean> => {
    const { world, driver } = system!;
    const who = { caller: 'fulfiller', actor: 'client:fulfiller', correlationId: null, traceparent: null, ifMatch: null };
    const reply = await driver.command(world.sim.pick(driver.instances), { ...who, orderId, idempotencyKey, asked });
    return reply.kind === 'answer' && !['pending', 'unknown'].includes(reply.value.outcome);
  };

  return {
    endpoint,
    join: (joined) => {
      system = joined;
    },
    hasDone: (orderId) => jobs.get(orderId)?.state === 'done',
  };
};

const reported = (outcome: ReportedOutcome, reference: string | null): AskedChange => ({
  name: 'OrderFulfilmentReported',
  data: { outcome, code: outcome === 'failed' ? 'NO_BOX' : null, detail: null, reference },
});
