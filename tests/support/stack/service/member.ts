// tests/support/stack/service/member.ts: one instance of a role in a fleet: a real process, started again when it dies, until it is stopped.

import { createWriteStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { type KeptProcess, keepRunning } from '../../../../ops/local-stack/processes/keep-running.ts';
import { stopInOrder } from '../../../../ops/local-stack/processes/stop-in-order.ts';
import { roleSpec } from '../../../../ops/local-stack/role.ts';
import { patience } from '../../machine.ts';
import { signalKept } from './kept-process.ts';
import type { RoleName } from './role-process.ts';

export interface Member {
  role: RoleName;
  name: string;
  url: string;
  /** Of the moment: after `start` it is another one. */
  readonly kept: KeptProcess;
  /** False while it is down. */
  signal: (signal: NodeJS.Signals) => boolean;
  isReady: () => Promise<boolean>;
  untilReady: () => Promise<void>;
  /** How often it has been started. */
  starts: () => number;
  /** The sentence with which it ended for good; null: it did not. */
  refusal: () => string | null;
  /** Resolves when it has ended; it is not started again before `start`. */
  stop: () => Promise<void>;
  start: () => void;
  /** The end of what it has printed. */
  output: () => string;
}

const PORT_VARIABLE: Record<RoleName, string> = { api: 'PORT', processor: 'PROCESSOR_PORT', projector: 'PROJECTOR_PORT' };
const CHECKOUT = resolve(import.meta.dirname, '..', '..', '..', '..');
const READY_LIMIT_MS = 60_000;
const OUTPUT_MAX = 20_000;

interface MemberOptions {
  role: RoleName;
  name: string;
  port: number;
  env: NodeJS.ProcessEnv;
  outputDir: string | undefined;
}

export const createMember = ({ role, name, port, env, outputDir }: MemberOptions, onChange: () => void): Member => {
  const script = join(CHECKOUT, role, 'main.ts');
  const spec = roleSpec({ name: role, script, port }, { env: { ...env, [PORT_VARIABLE[role]]: String(port) }, cwd: CHECKOUT });
  const file = outputDir === undefined ? null : createWriteStream(join(outputDir, `${name}.log`));
  let printed = '';
  let starts = 0;
  let refusal: string | null = null;
  const print = (line: string): void => {
    printed = `${printed}${line}\n`.slice(-OUTPUT_MAX);
    file?.write(`${line}\n`);
  };
  const beforeStart = async (): Promise<void> => {
    starts += 1;
  };
  const onRefused = (_: string, sentence: string): void => {
    refusal = sentence;
    print(`${name} is not started again: ${sentence}`);
  };
  const keep = () => keepRunning({ ...spec, name, beforeStart }, { onChange, onLine: (_, line) => print(line), say: print, onRefused });
  let kept = keep();
  const untilReady = async (): Promise<void> => {
    await kept.untilReady({ limitMs: patience(READY_LIMIT_MS), orEnds: false }).catch(async (error: Error) => {
      const why = await fetch(`http://127.0.0.1:${port}/health/ready`).then(
        (response) => response.text(),
        () => 'it does not answer',
      );
      throw new Error(`${error.message}\n${why}\n${printed}`, { cause: error });
    });
  };
  return {
    role,
    name,
    url: `http://127.0.0.1:${port}`,
    get kept() {
      return kept;
    },
    signal: (signal) => signalKept(kept, signal),
    isReady: spec.isReady,
    untilReady,
    starts: () => starts,
    refusal: () => refusal,
    stop: async () => {
      signalKept(kept, 'SIGCONT'); // a stopped process does not hear SIGTERM
      await stopInOrder([[kept]]);
    },
    start: () => {
      refusal = null;
      kept = keep();
      kept.start();
    },
    output: () => printed,
  };
};
