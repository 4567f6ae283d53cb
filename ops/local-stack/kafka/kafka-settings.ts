// ops/local-stack/kafka/kafka-settings.ts: what a single broker of ours is told, wherever it runs: as a process or in a container. Listeners
// and folders are its own affair.

// A heap of 256 MB carries 45,000 records/s; what counts beside it is the page cache.
export const BROKER_HEAP_FLAGS = ['-Xms256m', '-Xmx512m'];

export const BROKER_SETTINGS: Readonly<Record<string, string | number | boolean>> = {
  'process.roles': 'broker,controller',
  'node.id': 1,
  'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'inter.broker.listener.name': 'BROKER',
  'controller.listener.names': 'CONTROLLER',
  // Topics are made by us with the settings that we mean; a typing error must not make one.
  'auto.create.topics.enable': false,
  // There is one broker: one replica of everything, and one partition each of what Kafka keeps for itself, which is opened,
  // flushed and recovered at every start (50 each otherwise).
  'default.replication.factor': 1,
  'offsets.topic.replication.factor': 1,
  'offsets.topic.num.partitions': 1,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'transaction.state.log.num.partitions': 1,
  'share.coordinator.state.topic.replication.factor': 1,
  'share.coordinator.state.topic.min.isr': 1,
  'share.coordinator.state.topic.num.partitions': 1,
  // A group starts with its first member at once; the default waits 3 s for others at every first join.
  'group.initial.rebalance.delay.ms': 0,
  // Committed offsets of a group without members expire after a week by default: a stack that was stopped for a holiday
  // would begin at offset 0. The longest that the setting can hold, 4,000 years.
  'offsets.retention.minutes': 2_147_483_647,
  // Two cores are shared with everything else; each of these threads also wakes up while the broker is idle.
  'num.network.threads': 2,
  'num.io.threads': 4,
  'background.threads': 2,
  'num.recovery.threads.per.data.dir': 2,
  // Only Kafka's own offsets topic is compacted; the default reserves a quarter of this heap for it.
  'log.cleaner.dedupe.buffer.size': 8_388_608,
  // After a SIGKILL the restarted broker cannot register again before the session of the killed one has ended, 9 s by
  // default. Both halves live in one process, so a pause long enough to end a session by mistake stops the controller too.
  'broker.session.timeout.ms': 3_000,
  'broker.heartbeat.interval.ms': 1_000,
  // The controller writes a no-op record twice a second by default; its followers would need that, and it has none.
  'metadata.max.idle.interval.ms': 5_000,
};
