// ops/cli/dead-letters-command.ts: `npm run orders -- dead-letters`: what could not be decoded, where it stood, and why.

import type { LogClient } from '../../shared/log/connect/client.ts';
import { deadLetterTopicOf } from '../../shared/log/dead-letters/dead-letters.ts';
import { nameOf } from '../../shared/log/dead-letters/redriven-letters.ts';
import type { Addresses } from './addresses.ts';
import { type ListedLetter, listLetters } from './dead-letters.ts';
import type { Terminal } from './terminal.ts';

export interface DeadLettersOptions {
  limit: number;
}

const KEY_MAX = 40; // characters of a key in a line for people; --json has all of it

/** Resolves with the exit code, which is 0 whether there are any or not. */
export const runDeadLetters =
  ({ limit }: DeadLettersOptions) =>
  async (client: LogClient, addresses: Addresses, terminal: Terminal): Promise<number> => {
    const letters = await listLetters(client, deadLetterTopicOf(addresses.ORDERS_TOPIC), {}, limit);
    terminal.list(letters.map(letterJson), letters.length === 0 ? ['No dead letters.'] : table(letters));
    return 0;
  };

export const letterJson = ({ origin, reason, time, key, bytes, at, redriven }: ListedLetter) => ({
  ...origin,
  reason,
  time,
  key: key?.toString() ?? null,
  bytes,
  dead_letter: at,
  redriven,
});

export const table = (letters: readonly ListedLetter[]): string[] => {
  const rows = letters.map(({ origin, time, reason, bytes, key, redriven }) => [
    nameOf(origin),
    time,
    reason,
    `${bytes} B`,
    printable(key),
    redriven ? 'redriven' : '',
  ]);
  const all = [['WHERE', 'WHEN', 'WHY', 'SIZE', 'KEY', ''], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
};

/** A key may be any bytes, and a terminal obeys some of them. */
const printable = (key: Buffer | null): string => {
  if (key === null) return '–';
  const text = JSON.stringify(key.toString())
    .slice(1, -1)
    .replace(/[\u007f-\u009f]/g, '?');
  return text.length > KEY_MAX ? `${text.slice(0, KEY_MAX)}…` : text;
};
