// ops/local-stack/containers/loopback.ts: a container's port as a port of this machine, for this machine only. Without an address engines
// publish to the whole network, and testcontainers gives none.

import { LOOPBACK } from '../ports.ts';

/** What the engine is told, testcontainers' `hostConfig`. */
interface Published {
  PortBindings?: unknown;
}

/** To be called before the container is created. */
export const publishOnLoopback = (hostConfig: Published): void => {
  const bindings = Object.entries((hostConfig.PortBindings ?? {}) as Record<string, { HostPort: string }[]>);
  hostConfig.PortBindings = Object.fromEntries(
    bindings.map(([port, published]) => [port, published.map((each) => ({ ...each, HostIp: LOOPBACK }))]),
  );
};
