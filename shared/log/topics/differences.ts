// shared/log/topics/differences.ts: compares topics as they are with what is wanted. Pure.
// Used at the start and while a role runs, so that both say the same.

import type { Ends } from './offsets.ts';

export interface WantedTopics {
  topics: readonly { name: string; partitions: number }[];
  replicationFactor: number;
  minInsyncReplicas: number;
}

/** A topic as the brokers describe it. */
export interface ObservedTopic {
  name: string;
  /** The fewest that any partition has. */
  replicas: number;
  /** By Kafka's names. */
  settings: ReadonlyMap<string, string>;
  /** One entry for each partition. */
  ends: ReadonlyMap<number, Ends>;
}

/** Labels of `log_setting_differs`. Those with a dot are Kafka's own names. */
export const SETTINGS = [
  'partitions',
  'extra_partitions',
  'replication_factor',
  'cleanup.policy',
  'retention.ms',
  'retention.bytes',
  'min.insync.replicas',
  'compression.type',
] as const;
export type Setting = (typeof SETTINGS)[number];

/**
 * What a difference means. `wrong`: nobody starts, and a role that runs is not ready. `lost`: records are gone already; a role starts, so
 * that what is left can be read, and is not ready. `harmless`: a warning.
 */
export type Gravity = 'wrong' | 'lost' | 'harmless';

export interface Difference {
  topic: string;
  setting: Setting | 'deleted_records';
  gravity: Gravity;
  /** What is, and what is wanted. */
  what: string;
  /** What that does, and what to do first. Whole sentences. */
  first: string;
  /** What is, where it is a number: replicas, partitions, records. */
  is: number | null;
}

/** For people: in the log of a role and in its readiness. */
export const sentenceOf = ({ what, first }: Difference): string => `${what}. ${first}`;

export const settingsOf = ({ minInsyncReplicas }: Pick<WantedTopics, 'minInsyncReplicas'>): Record<string, string> => ({
  'cleanup.policy': 'delete', // not compact, which would keep only the last event of an order
  'retention.ms': '-1',
  'retention.bytes': '-1',
  'min.insync.replicas': String(minInsyncReplicas),
});

// What else a broker can make of our records, no reader opens: acknowledged orders would be set aside (docs/decisions/0016).
export const COMPRESSION = 'compression.type';
const COMPRESSIONS_READ = ['producer', 'uncompressed', 'gzip', 'zstd'];

const EFFECTS: Readonly<Record<string, string>> = {
  'cleanup.policy': 'Kafka may delete all but the newest record of an order.',
  'retention.ms': 'Kafka deletes what is older, and no record of this topic may ever be deleted.',
  'retention.bytes': 'Kafka deletes the oldest records of larger partitions, and no record of this topic may ever be deleted.',
  'min.insync.replicas': 'An acknowledgement does not mean what is promised.',
  [COMPRESSION]: 'No reader opens what the broker makes of new records.',
};

const NAMED_MAX = 3; // partitions in one sentence: enough to begin with
const number = (value: number): string => value.toLocaleString('en-US');
const records = (count: number): string => (count === 1 ? '1 record' : `${number(count)} records`);
const listed = (places: readonly string[]): string =>
  [...places.slice(0, NAMED_MAX), ...(places.length > NAMED_MAX ? ['…'] : [])].join(', ');
const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

/** Every difference, topic by topic. A wanted topic that was not observed does not exist. */
export const differencesOf = (wanted: WantedTopics, observed: readonly ObservedTopic[]): Difference[] =>
  wanted.topics.flatMap(({ name, partitions }) => {
    const topic = observed.find((one) => one.name === name);
    if (topic === undefined) return [missing(name)];
    const replicas = topic.replicas === wanted.replicationFactor ? [] : [otherReplicas(topic, wanted.replicationFactor)];
    return [...partitionsDiffer(topic, partitions), ...replicas, ...otherSettings(topic, wanted), ...deletedRecords(topic, partitions)];
  });

/** Missing ones are made at the start: this one was there. */
const missing = (name: string): Difference => ({
  topic: name,
  setting: 'partitions',
  gravity: 'wrong',
  what: `${name} does not exist any more`,
  first: 'It was deleted, with every record in it. Drop nothing and rebuild nothing: PostgreSQL may have the last copy (docs/recovery.md).',
  is: 0,
});

/** None or one. */
export const partitionsDiffer = ({ name, ends }: Pick<ObservedTopic, 'name' | 'ends'>, wanted: number): Difference[] => {
  const is = ends.size;
  if (is === wanted) return [];
  const what = `${name}: partitions is ${is}, wanted ${wanted}`;
  if (is < wanted) {
    const first = 'Keys would change partitions, and orders their order. Give the roles the number that the topic was made with.';
    return [{ topic: name, setting: 'partitions', gravity: 'wrong', what, first, is }];
  }
  const extra = [...ends].filter(([partition, { low, high }]) => partition >= wanted && high > low);
  if (extra.length === 0) {
    const more = `${what}; the others are empty`;
    const first =
      'Nobody reads or writes those, so nothing is lost. Kafka cannot take them away: leave them empty, and the configured number as it is.';
    return [{ topic: name, setting: 'extra_partitions', gravity: 'harmless', what: more, first, is: is - wanted }];
  }
  const where = listed(extra.map(([partition, { low, high }]) => `${number(high - low)} in ${name}/${partition}`));
  const more = `${what}; the others hold ${records(sum(extra.map(([, { low, high }]) => high - low)))} (${where})`;
  const first = 'No role reads those. Find the program that writes them, which takes another number of partitions for right, and stop it.';
  return [{ topic: name, setting: 'partitions', gravity: 'wrong', what: more, first, is }];
};

const otherReplicas = ({ name, replicas }: ObservedTopic, wanted: number): Difference => ({
  topic: name,
  setting: 'replication_factor',
  gravity: 'wrong',
  what: `${name}: replication factor is ${replicas}, wanted ${wanted}`,
  first: 'Records are on another number of brokers than is promised. Give its partitions that many replicas: kafka-reassign-partitions.sh.',
  is: replicas,
});

const otherSettings = ({ name, settings }: ObservedTopic, wanted: WantedTopics): Difference[] => {
  const rules = [
    ...Object.entries(settingsOf(wanted)).map(([setting, value]) => [setting, [value]] as const),
    [COMPRESSION, COMPRESSIONS_READ] as const,
  ];
  return rules.flatMap(([setting, allowed]) => {
    const is = settings.get(setting);
    if (is !== undefined && allowed.includes(is)) return [];
    const setBack = `kafka-configs.sh --bootstrap-server … --alter --entity-type topics --entity-name ${name} --add-config ${setting}=${allowed[0]}`;
    return [
      {
        topic: name,
        setting: setting as Setting,
        gravity: 'wrong' as const,
        what: `${name}: ${setting} is ${is}, wanted ${allowed.join(' or ')}`,
        first: `${EFFECTS[setting]} Set it back first: ${setBack}`,
        is: null,
      },
    ];
  });
};

const deletedRecords = ({ name, ends }: ObservedTopic, wanted: number): Difference[] => {
  const cut = [...ends].filter(([partition, { low }]) => partition < wanted && low > 0);
  if (cut.length === 0) return [];
  const is = sum(cut.map(([, { low }]) => low));
  const where = listed(cut.map(([partition, { low }]) => `${name}/${partition} begins at ${number(low)}`));
  const first = 'Find out first what deletes them (retention, or a tool). Rebuild and drop nothing: PostgreSQL may have the last copy.';
  const what = `${name}: ${records(is)} ${is === 1 ? 'was' : 'were'} deleted from its beginning (${where})`;
  return [{ topic: name, setting: 'deleted_records', gravity: 'lost', what, first, is }];
};
