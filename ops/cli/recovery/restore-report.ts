// ops/cli/recovery/restore-report.ts: what a restore of the log has done, or would do: as JSON, and as lines for people. Pure.

import type { LeftOutBecause } from '../../../projector/restore/archived-record.ts';
import type { RestoreLogResult } from '../../../projector/restore/restore-log.ts';
import { count } from '../terminal.ts';

/** What was restored from where. */
export interface Restored {
  topic: string;
  from: string;
  dryRun: boolean;
}

export const restoreJson = (result: RestoreLogResult, { topic, from, dryRun }: Restored): object => ({
  topic,
  from,
  dry_run: dryRun,
  archived: result.archived,
  found: result.found,
  appended: result.appended,
  orders: result.orders,
  moved: result.moved,
  left_out: result.leftOutCount,
  first_left_out: result.leftOut,
  missing: result.missing,
  others: result.others,
  archive_from: result.archiveFrom,
  seconds: result.seconds,
});

const WHY: Readonly<Record<LeftOutBecause, string>> = {
  UNOPENED_BATCH: 'stands for a batch that no reader opens; the archive alone keeps it',
  UNREADABLE_ROW: 'its row in the archive cannot be read',
  TOO_LARGE: 'the broker refuses its size: raise max.message.bytes of the topic, and run this again',
};

export const restoreLines = (result: RestoreLogResult, { topic, from, dryRun }: Restored): string[] => {
  const { archived, found, appended, orders, moved, leftOut, leftOutCount, missing, others, archiveFrom, seconds } = result;
  const speed = dryRun ? '' : ` in ${seconds.toFixed(1)} s (${count(Math.round(archived / seconds))} records/s)`;
  const still = `${count(found)} of the ${count(archived)} records that ${from} has archived are in ${topic}`;
  return [
    ...leftOut.map(({ partition, offset, because }) => `Left out ${topic}/${partition}@${offset}: ${WHY[because]}.`),
    ...(leftOut.length < leftOutCount ? [`… ${count(leftOutCount)} in all.`] : []),
    appended === 0
      ? `Nothing to append: ${still}.`
      : `${dryRun ? 'Would append' : 'Appended'} ${count(appended)} records with ${count(orders)} orders to ${topic}${speed}; ${still} already.`,
    ...(missing === 0 ? [] : [`The archive itself lacks ${count(missing)} records.`]),
    ...(archiveFrom === 0
      ? []
      : [`The archive begins at offset ${count(archiveFrom)}: what is older was dropped from it, and is not given back.`]),
    ...(others === 0 ? [] : [`${count(others)} records came in between: of other writers, or a second time after a lost answer.`]),
    ...(moved === 0 ? [] : [`${count(moved)} records ${dryRun ? 'would stand' : 'stand'} at another offset than they had.`]),
    ...(appended === 0 ? [] : after(moved, dryRun)),
  ];
};

const after = (moved: number, dryRun: boolean): string[] => [
  ...(moved === 0 ? [`What ${dryRun ? 'would be' : 'was'} appended ${dryRun ? 'would stand' : 'stands'} at the offsets that it had.`] : []),
  dryRun
    ? 'Nothing was appended.'
    : 'Processors decide nothing before the ledger and the read model fit the log again: `npm run orders -- rebuild`, then start the roles.',
];
