// bench/rates/warm-up.ts: brings compilers, caches and files to where they are in a running service.
// This comes before anything is measured under load.

import { type Bench, measure } from '../bench.ts';

const RATE = 1_500;
const SECONDS = { quick: 8, full: 20 };
const CONNECTIONS = 64;

export const warmUp = async (bench: Bench): Promise<void> => {
  const { system, settings, say } = bench;
  const seconds = settings.quick ? SECONDS.quick : SECONDS.full;
  say(`warming up: ${RATE} orders/s for ${seconds} s`);
  const job = { kind: 'open', rate: RATE, port: system.apiPort, connections: CONNECTIONS, warmUpSeconds: 0, seconds } as const;
  const { result } = await measure(bench, job);
  await system.untilCompleted();
  say(`warm: ${result.accepted} orders`);
};
