// ops/local-stack/start-lines.ts: what a person reads while the stack starts.
// A line for each part that says what it waits for, and nothing of what the parts say among themselves. What goes wrong is shown at once.

import { readableLine } from './processes/readable-line.ts';
import type { Role } from './role.ts';

/** What each role needs before it is ready; the checks behind /health/ready say the same later. */
export const WAITS_FOR: Readonly<Record<Role['name'], string>> = {
  api: 'waits for the topics, the read model and the catalogue',
  processor: 'waits for the topics, the stock ledger and its share of the partitions',
  projector: 'waits for the topics, and until the log is projected',
};

export interface RoleLines {
  /** Hands on what is worth reading: until `up` no line below warn, unless all were asked for. */
  onLine: (name: string, line: string) => void;
  /** From now on every line is handed on, as a sentence. */
  up: () => void;
}

const WARN = 40; // pino's number; 30 is info

/** `everything`: no line is held back at the start either, as LOG_LEVEL=debug asks for. */
export const createRoleLines = (print: (name: string, line: string) => void, { everything }: { everything: boolean }): RoleLines => {
  let isUp = everything;
  return {
    onLine: (name, line) => {
      if (isUp || levelOf(line) >= WARN) print(name, readableLine(line));
    },
    up: () => {
      isUp = true;
    },
  };
};

/** What is not a line of our logger is a crash or a warning of Node's. */
const levelOf = (line: string): number => Number(fieldsOf(line)?.level ?? Number.POSITIVE_INFINITY);

const fieldsOf = (line: string): { level?: unknown; msg?: unknown; reason?: unknown } | null => {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
};

export interface SlowPart {
  name: string;
  /** http://127.0.0.1:PORT */
  url: string;
  /** The last line that it wrote; null: none yet. */
  lastLine: () => string | null;
}

// A start takes some seconds. A person who waits for longer wants to know what for, but not every second.
const SAY_WAITS_EVERY_MS = 10_000;
const ANSWER_LIMIT_MS = 2_000;

/** Says every ten seconds which parts are not ready and why, each reason once. Ends with the signal. */
export const sayWaits = (parts: readonly SlowPart[], say: (sentence: string, part: string) => void, signal: AbortSignal): void => {
  const said = new Map<string, string>();
  const look = async (part: SlowPart): Promise<void> => {
    const reason = await reasonOf(part);
    if (signal.aborted || reason === null || said.get(part.name) === reason) return;
    said.set(part.name, reason);
    say(`still waits: ${reason}`, part.name);
  };
  const timer = setInterval(() => void Promise.all(parts.map(look)), SAY_WAITS_EVERY_MS);
  signal.addEventListener('abort', () => clearInterval(timer));
};

/** Null: it is ready. */
const reasonOf = async ({ url, lastLine }: SlowPart): Promise<string | null> => {
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    const { checks } = (await response.json()) as { checks: Record<string, { ok: boolean; detail?: string }> };
    return response.ok ? null : detailsOf(checks);
  } catch {
    return lastSentence(lastLine()) ?? 'it does not answer yet';
  }
};

const detailsOf = (checks: Record<string, { ok: boolean; detail?: string }>): string =>
  Object.entries(checks)
    .flatMap(([name, { ok, detail }]) => (ok ? [] : [detail ?? name]))
    .join('; ');

const lastSentence = (line: string | null): string | null => {
  const { msg, reason } = fieldsOf(line ?? '') ?? {};
  if (typeof msg !== 'string') return line;
  return typeof reason === 'string' ? `${msg} (${reason})` : msg;
};
