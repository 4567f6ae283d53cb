// What the operator of a campaign does, with commands that only say what they would: the order of the page, and no more is accepted than it says.

import { describe, expect, it } from 'vitest';
import { restoreEnd } from '../../chaos/repair.ts';
import type { CliResult } from '../../support/stack/service/cli-process.ts';
import type { Fleet } from '../../support/stack/service/fleet.ts';
import type { Member } from '../../support/stack/service/member.ts';

const NAMED = { code: 1, stdout: '', stderr: '3 orders and 9 records are here and not in the log: the topic orders has lost its end.' };
const DONE = { code: 0, stdout: '', stderr: '' };
const restored = (report: object): CliResult => ({ code: 0, stdout: JSON.stringify(report), stderr: '' });
const WHOLE = restored({ left_out: 0, missing: 0 });

/** Answers each command with what is due; what is asked for beyond that is done. */
const operate = async (answers: Record<string, CliResult[]>): Promise<string[]> => {
  const did: string[] = [];
  const member = { stop: async () => void did.push('stop'), start: () => void did.push('start') } as Partial<Member> as Member;
  const fleet = { members: () => [member], untilReady: async () => void did.push('ready') } as Partial<Fleet> as Fleet;
  const orders = async (...args: string[]): Promise<CliResult> => {
    const command = args.join(' ');
    did.push(command);
    return answers[command]?.shift() ?? DONE;
  };
  await restoreEnd({ fleet, orders });
  return did;
};
const answers = (more: Record<string, CliResult[]> = {}): Record<string, CliResult[]> => ({
  rebuild: [NAMED],
  '--json restore-log --dry-run': [WHOLE],
  '--json restore-log': [WHOLE],
  ...more,
});

describe('the operator of a campaign, after the end of the log was lost', () => {
  it('stops the roles, sees the loss, restores, rebuilds, starts and verifies', async () => {
    expect(await operate(answers())).toEqual([
      'stop',
      'rebuild',
      '--json restore-log --dry-run',
      '--json restore-log',
      'rebuild',
      'start',
      'ready',
      'verify',
    ]);
  });

  it('tries again while a role that was killed counts as running', async () => {
    const running = { code: 1, stdout: '{"error":"a role runs"}', stderr: 'stop all roles first' };
    const did = await operate(answers({ '--json restore-log --dry-run': [running, running, WHOLE] }));
    expect(did.filter((command) => command.endsWith('--dry-run'))).toHaveLength(3);
  });

  it('accepts as a loss only what cannot be restored because no reader opens it', async () => {
    const left = restored({ left_out: 2, missing: 0 });
    expect(await operate(answers({ '--json restore-log': [left] }))).toContain('rebuild --accept-loss');
    expect(await operate(answers())).not.toContain('rebuild --accept-loss');
  });

  it.each([
    ['a rebuild that does not name the loss', { rebuild: [DONE] }, 'rebuild, which had to name the loss, ended with 0'],
    ['an archive that is not whole', { '--json restore-log': [restored({ left_out: 0, missing: 4 })] }, 'an archive that should be whole'],
    ['a restore that fails', { '--json restore-log': [{ code: 1, stdout: '{"error":"no"}', stderr: 'no\n' }] }, 'restore-log ended with 1'],
    ['a difference', { verify: [{ code: 1, stdout: 'order a\ndiffers', stderr: '' }] }, 'verify ended with 1: order a differs'],
  ])('gives up at %s', async (_, wrong, sentence) => {
    await expect(operate(answers(wrong))).rejects.toThrow(sentence);
  });
});
