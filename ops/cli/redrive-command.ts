// ops/cli/redrive-command.ts: `npm run orders -- redrive`: parked orders go on, or dead letters are put back where they were.

import { createAppender, type RunningAppender } from '../../shared/log/append/appender.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import { deadLetterTopicOf } from '../../shared/log/dead-letters/dead-letters.ts';
import { nameOf } from '../../shared/log/dead-letters/redriven-letters.ts';
import { logEnd } from '../../shared/log/topics/offsets.ts';
import { type Database, openDatabase } from '../../shared/postgres/database.ts';
import { underMaintenanceLock } from '../../shared/postgres/maintenance-lock.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { Addresses } from './addresses.ts';
import { listLetters, putBack } from './dead-letters.ts';
import { letterJson, table } from './dead-letters-command.ts';
import { findParked, redriveParked } from './parked-orders.ts';
import type { Terminal } from './terminal.ts';

export interface RedriveOptions {
  order?: string[];
  code?: string;
  /** Milliseconds. */
  olderThan?: number;
  deadLetters?: boolean;
  reason?: string;
  partition?: number;
  offset?: number;
  all?: boolean;
  dryRun?: boolean;
  limit: number;
}

const FOR_ORDERS = ['order', 'code', 'olderThan'] as const;
const FOR_LETTERS = ['reason', 'partition', 'offset'] as const;

/** Resolves with the exit code: 1 where something that was meant was not redriven. Rejects with CONFIG_INVALID for options at odds. */
export const runRedrive =
  (options: RedriveOptions) =>
  async (client: LogClient, addresses: Addresses, terminal: Terminal): Promise<number> => {
    checkOptions(options);
    const { DATABASE_URL: url, READ_MODEL_SCHEMA: schema } = addresses;
    const database = openDatabase({ url, schema, applicationName: 'orders-cli', maxConnections: 2 });
    const run: Run = { client, addresses, terminal, database, options };
    try {
      return await (options.deadLetters ? redriveLetters(run) : redriveOrders(run));
    } finally {
      await database.end();
    }
  };

interface Run {
  client: LogClient;
  addresses: Addresses;
  terminal: Terminal;
  database: Database;
  options: RedriveOptions;
}

const checkOptions = (options: RedriveOptions): void => {
  const given = (names: readonly (keyof RedriveOptions)[]) => names.filter((name) => options[name] !== undefined);
  const [fitting, foreign] = options.deadLetters ? [FOR_LETTERS, FOR_ORDERS] : [FOR_ORDERS, FOR_LETTERS];
  if (given(foreign).length > 0) {
    throw new AppError('CONFIG_INVALID', `--order, --code and --older-than are for parked orders, the others go with --dead-letters.`);
  }
  if (given(fitting).length > 0 === (options.all === true)) {
    throw new AppError('CONFIG_INVALID', 'Say which ones: some of the filters, or --all.');
  }
};

const redriveOrders = async ({ client, addresses, terminal, database, options }: Run): Promise<number> => {
  const { order: orderIds, code, olderThan, limit } = options;
  const filter = {
    limit,
    ...(orderIds ? { orderIds } : {}),
    ...(code === undefined ? {} : { code }),
    ...(olderThan === undefined ? {} : { before: Date.now() - olderThan }),
  };
  const { ORDERS_TOPIC: topic } = addresses;
  const parked = await findParked(database, topic, filter);
  const missing = (orderIds ?? []).filter((id) => !parked.orders.some(({ orderId }) => orderId === id));
  const notParked = missing.map((id) => `${id}: not parked`);
  if (options.dryRun) {
    const found = parked.orders.map(({ orderId, parked: flag }) => ({ order_id: orderId, ...flag! }));
    terminal.result({ dry_run: true, would_redrive: found, not_parked: missing }, [
      ...found.map(
        ({ order_id, code: why, attempts, since }) => `${order_id}: ${why}, ${attempts} attempts, ${new Date(since).toISOString()}`,
      ),
      ...notParked,
      `Would redrive ${found.length} parked orders.`,
    ]);
    return missing.length === 0 ? 0 : 1;
  }
  const results = await withAppender(client, [topic], (appender) => {
    const onAnswered = (count: number): void => terminal.progress(`${count} / ${parked.orders.length} orders answered`);
    return redriveParked({ client, appender, topic, parked, onAnswered });
  });
  const left = results.filter(({ outcome }) => outcome !== 'redriven');
  const redriven = results.length - left.length;
  terminal.result({ redriven, not_redriven: left.map(({ orderId, ...rest }) => ({ order_id: orderId, ...rest })), not_parked: missing }, [
    ...left.map(({ orderId, outcome, code: why }) => `${orderId}: ${outcome}${why === null ? '' : ` (${why})`}`),
    ...notParked,
    `Redriven ${redriven} of ${results.length} parked orders.`,
    ...(left.some(({ outcome }) => outcome === 'unanswered') ? ['No processor answers: is one running?'] : []),
  ]);
  return left.length + missing.length === 0 ? 0 : 1;
};

const redriveLetters = ({ client, addresses, terminal, database, options }: Run): Promise<number> =>
  // One at a time: two would each find the letter not redriven yet.
  underMaintenanceLock(database, 'exclusive', async () => {
    const { ORDERS_TOPIC, PRODUCTS_TOPIC } = addresses;
    const topic = deadLetterTopicOf(ORDERS_TOPIC);
    const { reason, partition, offset, limit } = options;
    const filter = {
      ...(reason === undefined ? {} : { reason }),
      ...(partition === undefined ? {} : { partition }),
      ...(offset === undefined ? {} : { offset }),
    };
    const found = await listLetters(client, topic, filter, limit);
    const letters = found.filter(({ redriven }) => !redriven);
    const before = found.length - letters.length;
    const already = before === 0 ? [] : [`${before} were redriven before and are left alone.`];
    if (options.dryRun) {
      const lines = letters.length === 0 ? [] : table(letters);
      terminal.result({ dry_run: true, would_redrive: letters.map(letterJson), redriven_before: before }, [
        ...lines,
        ...already,
        `Would redrive ${letters.length} dead letters.`,
      ]);
      return 0;
    }
    const leftOut = await withAppender(client, [ORDERS_TOPIC, PRODUCTS_TOPIC, topic], (appender, partitionCounts) => {
      const onDone = (count: number): void => terminal.progress(`${count} / ${letters.length} dead letters`);
      return putBack({ client, appender, topic, letters, partitionCounts, onDone });
    });
    const redriven = letters.length - leftOut.length;
    terminal.result(
      { redriven, redriven_before: before, not_redriven: leftOut.map(({ letter, why }) => ({ ...letterJson(letter), why })) },
      [
        ...leftOut.map(({ letter, why }) => `${nameOf(letter.origin)}: ${why}`),
        ...already,
        `Redriven ${redriven} of ${letters.length} dead letters.`,
      ],
    );
    return leftOut.length === 0 ? 0 : 1;
  });

const withAppender = async <T>(
  client: LogClient,
  topics: readonly string[],
  work: (appender: RunningAppender, partitionCounts: ReadonlyMap<string, number>) => Promise<T>,
): Promise<T> => {
  const counted = topics.map(async (topic): Promise<[string, number]> => [topic, (await logEnd(client, topic)).size]);
  const partitionCounts = new Map(await Promise.all(counted));
  const appender = createAppender({ client, partitionCounts });
  try {
    return await work(appender, partitionCounts);
  } finally {
    await appender.stop();
  }
};
