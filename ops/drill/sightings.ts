// ops/drill/sightings.ts: what an operator would see of a stack: what its parts print and end with, why a role is not ready, what clients get.

import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../shared/runtime/app-error.ts';

/** What `npm start` notes of what it runs (run.json). */
export interface RunningStack {
  api: string;
  kafka: string;
  database: string;
  processes: Record<string, { port: number }>;
}

export interface Sightings {
  hear: (sentence: string) => void;
  /** From now on `sees` looks at what is said after this. */
  forget: () => void;
  /** Rejects while nothing was started. */
  running: () => RunningStack;
  /** One sentence for each reason; none: all roles are ready. */
  notReady: () => Promise<string[]>;
  /** The first sentence that matches, once there is one. */
  sees: (sentence: RegExp, clientSees?: (api: string) => Promise<string[]>) => Promise<string>;
}

const SEEN_LIMIT_MS = 120_000; // the roles look at their topics once a minute
const POLL_MS = 200;
const SENTENCES_MAX = 1_000; // of which one is looked for; roles that restart repeat themselves
const READY_ANSWER_LIMIT_MS = 2_000;

export const createSightings = (runFile: string): Sightings => {
  let sentences: string[] = [];
  const running = (): RunningStack => {
    if (!existsSync(runFile)) throw new AppError('LOCAL_STACK', 'The stack of the drill has not started its processes yet.');
    return JSON.parse(readFileSync(runFile, 'utf8'));
  };
  const notReady = async (): Promise<string[]> => {
    if (!existsSync(runFile)) return [];
    const { processes } = running();
    const roles = (['api', 'processor', 'projector'] as const).filter((role) => processes[role] !== undefined);
    const answers = await Promise.all(roles.map((role) => reasonsOf(role, processes[role]!.port)));
    return answers.flat();
  };
  return {
    hear: (sentence) => {
      sentences.push(sentence);
      if (sentences.length > SENTENCES_MAX) sentences.shift();
    },
    forget: () => {
      sentences = [];
    },
    running,
    notReady,
    sees: async (sentence, clientSees = async () => []) => {
      const deadline = performance.now() + SEEN_LIMIT_MS;
      while (performance.now() < deadline) {
        const clients = existsSync(runFile) ? await clientSees(running().api) : [];
        const found = [...sentences, ...(await notReady()), ...clients].find((said) => sentence.test(said));
        if (found !== undefined) return found;
        await delay(POLL_MS);
      }
      throw new AppError('LOCAL_STACK', `Nothing like ${sentence} was said. The last lines:\n${sentences.slice(-20).join('\n')}`);
    },
  };
};

/** Why a role is not ready, one sentence each; none: it is. A process between two starts does not answer, which is a reason, too. */
const reasonsOf = async (role: string, port: number): Promise<string[]> => {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(READY_ANSWER_LIMIT_MS) });
    const { checks = {} } = (await response.json()) as { checks?: Record<string, { ok: boolean; detail?: string; reason?: string }> };
    if (response.ok) return [];
    return Object.entries(checks).flatMap(([name, { ok, ...why }]) =>
      ok ? [] : [`${role} is not ready, ${name}: ${Object.values(why).join(' ')}`],
    );
  } catch {
    return [`${role} does not answer`];
  }
};
