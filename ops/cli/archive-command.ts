// ops/cli/archive-command.ts: `npm run orders -- archive list` and `archive drop`.
// Which part of the log the archive holds, and taking the oldest of it away.

import { findLoss } from '../../projector/loss/find-loss.ts';
import {
  type ArchivedStretch,
  type DropOptions,
  type DropResult,
  dropArchive,
  type KeptBecause,
  listArchive,
} from '../../projector/store/archive-retention.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import type { Addresses } from './addresses.ts';
import { count, type Terminal } from './terminal.ts';

export interface ArchiveDropOptions {
  /** Epoch milliseconds. */
  before: number;
  yes?: boolean;
}

const retentionOf = ({ DATABASE_URL: databaseUrl, ORDERS_TOPIC: topic, READ_MODEL_SCHEMA: schema }: Addresses) => ({
  databaseUrl,
  topic,
  schema,
});

/** Resolves with the exit code. */
export const runArchiveList = async (_: LogClient, addresses: Addresses, terminal: Terminal): Promise<number> => {
  const stretches = await listArchive(retentionOf(addresses));
  terminal.list(stretches.map(shown), [
    'table                      records        size  first record              last record',
    ...stretches.map(line),
  ]);
  return 0;
};

type FindLoss = (client: LogClient, topic: string) => DropOptions['findLoss'];
const findLossIn: FindLoss = (client, topic) => (database) => findLoss({ client, topic, database });

/** Resolves with the exit code: 0 also where nothing is old enough. */
export const runArchiveDrop =
  ({ before, yes: really = false }: ArchiveDropOptions, lossIn = findLossIn) =>
  async (client: LogClient, addresses: Addresses, terminal: Terminal): Promise<number> => {
    const where = retentionOf(addresses);
    const result = await dropArchive({ ...where, before, really, findLoss: lossIn(client, where.topic) });
    const { dropped, kept, archiveFrom } = result;
    const json = { dropped: dropped.map(shown), kept: kept && { ...shown(kept), because: kept.because }, archive_from: archiveFrom };
    terminal.result({ ...json, dry_run: !really }, described(result, really));
    return 0;
  };

const described = ({ dropped, kept, archiveFrom }: DropResult, really: boolean): string[] => [
  ...dropped.map((stretch) => `${really ? 'Dropped' : 'Would drop'} ${stretch.name}: ${contents(stretch)}.`),
  ...(kept === null ? [] : [`Keeps ${kept.name} and what comes after it: ${WHY[kept.because]}.`]),
  ...(dropped.length === 0
    ? ['Nothing is old enough.']
    : [
        `Orders created below offset ${count(archiveFrom)} stay, without their events: no history, no earlier states (?at=), no first answer to their`,
        'Idempotency-Key. The log keeps the records: `npm run orders -- rebuild --whole-archive` brings them back.',
        ...(really ? [] : ['Nothing was dropped: say --yes.']),
      ]),
];

const WHY: Readonly<Record<KeptBecause, string>> = {
  being_filled: 'it is still being filled',
  younger: 'it holds younger records',
  open_order: 'an order that is open began in it, or before it',
};

const shown = ({ name, from, to, records, bytes, firstAt, lastAt }: ArchivedStretch) => ({
  table: name,
  from_offset: from,
  to_offset: to,
  records,
  bytes,
  first_at: time(firstAt),
  last_at: time(lastAt),
});

const line = ({ name, records, bytes, firstAt, lastAt }: ArchivedStretch): string =>
  [name.padEnd(20), count(records).padStart(13), size(bytes).padStart(11), ` ${time(firstAt) ?? '–'}`.padEnd(25), time(lastAt) ?? '–'].join(
    ' ',
  );

const contents = ({ records, bytes, lastAt }: ArchivedStretch): string =>
  `${count(records)} records, the last of ${time(lastAt)}, ${size(bytes)}`;

const time = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
const size = (bytes: number): string => `${(bytes / 1e6).toLocaleString('en-US', { maximumFractionDigits: 1 })} MB`;
