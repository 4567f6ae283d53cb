// shared/log/connect/link.ts: connections to the cluster that belong to one user and can be cut at once.

import type { ISocketFactory, Kafka } from 'kafkajs';
import { inTime } from '../../runtime/within.ts';
import { type Cluster, createCluster } from './kafkajs-internals.ts';
import { CLOSED_BY_US, trackSockets } from './sockets.ts';

/** Connections to the cluster that belong to one user of them. */
export interface Link {
  cluster: Cluster;
  /** Cuts all sockets at once; whatever was under way rejects. Nothing to wait for. */
  destroy(): void;
}

// Brokers say who leads what in milliseconds, for a new topic after some tenths of a second. kafkajs asks on a connection whose other end is
// gone for most of a minute, ten seconds each time.
const METADATA_MAX_MS = 5_000;

/** Nothing is connected yet. Sockets are opened by `socketFactory`, until the link is destroyed. */
export const openLink = (socketFactory: ISocketFactory, createKafka: (factory: ISocketFactory) => Kafka): Link => {
  const { factory, cut, shaking } = trackSockets(socketFactory);
  let destroyed = false;
  const unlessDestroyed: ISocketFactory = (args) => {
    if (destroyed) throw new Error(CLOSED_BY_US);
    return factory(args);
  };
  const cluster = createCluster(createKafka(unlessDestroyed));
  const connect = cluster.connect.bind(cluster);
  cluster.connect = () => shaking(connect);
  // kafkajs's own disconnect waits for pending requests, which may be for ever.
  const destroy = (): void => {
    destroyed = true;
    cut();
  };
  const addTopics = cluster.addMultipleTargetTopics.bind(cluster);
  cluster.addMultipleTargetTopics = (topics) =>
    inTime(METADATA_MAX_MS, addTopics(topics), () => {
      destroy();
      return new Error(`No broker says who leads ${topics.join(', ')}.`);
    });
  return { cluster, destroy };
};
