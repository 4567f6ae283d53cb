// tests/chaos/world.ts: what a chaos campaign happens to: a broker, a database with a standby, and two instances of each role.

import { type Clocks, startClocks } from '../support/faults/clocks.ts';
import { type ProxiedFleet, startProxiedFleet } from '../support/faults/network/proxied-fleet.ts';
import { type OwnPair, startOwnPair } from '../support/stack/own-environment.ts';
import { type CliResult, runOrders } from '../support/stack/service/cli-process.ts';
import type { Fleet } from '../support/stack/service/fleet.ts';

export interface World {
  /** `kafka` and `database` lead to the processes themselves, past anything that faults may break. */
  environment: OwnPair;
  fleet: Fleet;
  /** Between the roles and the other two. A fault heals what it broke there, not what another one did. */
  network: Pick<ProxiedFleet, 'kafka' | 'postgres'>;
  /** Of the roles, each role's its own. */
  clocks: Clocks;
  /** `npm run orders -- ARGUMENTS`, past the proxies. */
  orders: (...args: string[]) => Promise<CliResult>;
  /** Everything healed and every process ready; rejects when one does not come back. */
  heal: () => Promise<void>;
  stop: () => Promise<void>;
}

const INSTANCES = { api: 2, processor: 2, projector: 2 };
// Orders take long enough that every fault meets some in the middle, and wait for places now and then, so that some can be amended;
// those that an outage holds up are carried in the ledger.
const ENVIRONMENT = { PROCESSING_TIME_MS: '500', PROCESSOR_CONCURRENCY: '30', CARRY_AFTER_MS: '1000' };
const READY_LIMIT_MS = 120_000;

/** `outputDir` gets a log of each process. */
export const startWorld = async ({ outputDir, say }: { outputDir: string; say: (sentence: string) => void }): Promise<World> => {
  const environment = await startOwnPair(say);
  try {
    const clocks = await startClocks();
    const proxied = await startProxiedFleet({ ...environment, count: INSTANCES, env: { ...ENVIRONMENT, ...clocks.env }, outputDir });
    const { fleet } = proxied;
    clocks.of(fleet);
    const heal = async (): Promise<void> => {
      proxied.heal();
      await clocks.set({ api: 0, processor: 0, projector: 0 });
      for (const member of fleet.members()) member.signal('SIGCONT');
      for (const kept of [environment.broker, environment.postgres]) await kept.untilReady({ limitMs: READY_LIMIT_MS, orEnds: false });
      await fleet.untilReady();
    };
    const orders = (...args: string[]): Promise<CliResult> => runOrders(args, namesOf(fleet));
    const stop = async (): Promise<void> => {
      await proxied.stop().catch((error: Error) => say(error.message));
      await clocks.stop();
      await environment.stop();
    };
    return { environment, fleet, network: proxied, clocks, orders, heal, stop };
  } catch (error) {
    await environment.stop();
    throw error;
  }
};

/** What the operator's tools are told. */
const namesOf = ({ where }: Fleet): Record<string, string> => ({
  KAFKA_BROKERS: where.kafka,
  DATABASE_URL: where.database,
  ORDERS_TOPIC: where.ordersTopic,
  PRODUCTS_TOPIC: where.productsTopic,
  READ_MODEL_SCHEMA: where.readModelSchema,
  LEDGER_SCHEMA: where.ledgerSchema,
});
