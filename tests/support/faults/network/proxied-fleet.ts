// tests/support/faults/network/proxied-fleet.ts: a fleet whose roles reach the broker and the database through proxies, one of each for every role.
// So a test breaks the network of, say, the processors alone. The oracle goes past them.

import { type Fleet, type FleetOptions, startFleet } from '../../stack/service/fleet.ts';
import type { Member } from '../../stack/service/member.ts';
import type { RoleName } from '../../stack/service/role-process.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { type KafkaProxy, startKafkaProxy } from './kafka-proxy.ts';

export const ROLES: readonly RoleName[] = ['projector', 'processor', 'api']; // in the order of their start: tables first

export interface ProxiedFleet {
  fleet: Fleet;
  kafka: Record<RoleName, KafkaProxy>;
  postgres: Record<RoleName, FaultProxy>;
  /** One more, behind the proxies of its role. */
  add: (role: RoleName, env?: Record<string, string>) => Promise<Member>;
  /** Every proxy passes everything again. */
  heal: () => void;
  stop: () => Promise<void>;
}

export const startProxiedFleet = async ({ count = {}, ...options }: FleetOptions): Promise<ProxiedFleet> => {
  const url = new URL(options.database);
  const forRoles = async <T>(start: () => Promise<T>): Promise<Record<RoleName, T>> => {
    const [projector, processor, api] = (await Promise.all(ROLES.map(start))) as [T, T, T];
    return { projector, processor, api };
  };
  const kafka = await forRoles(() => startKafkaProxy(options.kafka));
  const postgres = await forRoles(() => startFaultProxy(`${url.hostname}:${url.port || 5432}`));
  const proxies = [...Object.values(kafka), ...Object.values(postgres)];
  const heal = (): void => {
    for (const proxy of proxies) proxy.heal();
  };
  const fleet = await startFleet({ ...options, count: { api: 0, processor: 0, projector: 0 } });
  const add = (role: RoleName, env: Record<string, string> = {}): Promise<Member> => {
    const database = new URL(options.database);
    database.host = postgres[role].address;
    return fleet.add(role, { KAFKA_BROKERS: kafka[role].address, DATABASE_URL: database.href, ...env });
  };
  const stop = async (): Promise<void> => {
    heal();
    await fleet.stop();
    await Promise.all(proxies.map((proxy) => proxy.stop()));
  };
  try {
    const wanted = ROLES.flatMap((role) => Array.from({ length: count[role] ?? 1 }, () => role));
    const [first, ...others] = wanted;
    if (first !== undefined) await add(first);
    await Promise.all(others.map((role) => add(role)));
  } catch (error) {
    await stop();
    throw error;
  }
  return { fleet, kafka, postgres, add, heal, stop };
};
