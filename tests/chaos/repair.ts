// tests/chaos/repair.ts: what an operator does in a campaign, in the words of docs/recovery.md.

import { eventually } from '../support/eventually.ts';
import type { CliResult } from '../support/stack/service/cli-process.ts';
import type { World } from './world.ts';

type Operator = Pick<World, 'fleet' | 'orders'>;

// A member of a group that was killed is one for 6 s more, or 10 s (an api, a projector).
const GONE_LIMIT_MS = 30_000;

/** "The end of the log is lost": stop the roles, see what is lost, restore the log, rebuild, start the roles, verify. */
export const restoreEnd = async (operator: Operator): Promise<void> => {
  const { fleet, orders } = operator;
  await Promise.all(fleet.members().map((member) => member.stop()));
  const refused = await orders('rebuild');
  if (!/(is|are) here and not in the log/.test(refused.stderr)) throw failure('rebuild, which had to name the loss,', refused);
  await restoreLog(operator, '--dry-run');
  const leftOut = await restoreLog(operator);
  // Batches that no reader opens are not restored; the page says so, and `rebuild` asks for them.
  await succeed(operator, 'rebuild', ...(leftOut === 0 ? [] : ['--accept-loss']));
  for (const member of fleet.members()) member.start();
  await fleet.untilReady();
  await succeed(operator, 'verify');
};

/** Resolves with how many records of the archive are not events, and were left out. */
const restoreLog = async ({ orders }: Operator, ...options: string[]): Promise<number> => {
  const result = await eventually(
    async () => {
      const tried = await orders('--json', 'restore-log', ...options);
      return `${tried.stdout}${tried.stderr}`.includes('stop all roles first') ? null : tried;
    },
    { what: 'the groups of the roles to be without members', timeoutMs: GONE_LIMIT_MS },
  );
  const { left_out: leftOut, missing } = reportIn(result);
  if (missing > 0) throw failure('restore-log, with an archive that should be whole,', result);
  return leftOut;
};

const reportIn = (result: CliResult): { left_out: number; missing: number } => {
  const report = JSON.parse(result.stdout || '{}') as { left_out?: number; missing?: number };
  const { left_out: leftOut, missing } = report; // in their place there may be an error
  if (leftOut === undefined || missing === undefined) throw failure('restore-log', result);
  return { left_out: leftOut, missing };
};

/** Runs a command that must succeed. */
export const succeed = async ({ orders }: Pick<World, 'orders'>, ...args: string[]): Promise<void> => {
  const result = await orders(...args);
  if (result.code !== 0) throw failure(args.join(' '), result);
};

/** In one line: it stands in a table. */
const failure = (what: string, { code, stdout, stderr }: CliResult): Error =>
  new Error(`${what} ended with ${code}: ${`${stdout} ${stderr}`.trim().replaceAll(/\s+/g, ' ')}`);
