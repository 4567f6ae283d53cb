// ops/local-stack/processes/run-tool.ts: runs a program that does one thing and ends (java -version, mvn, initdb), and collects what it says.

import { spawn } from 'node:child_process';

export interface ToolOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  identity?: OsIdentity | null;
  /** Written to its standard input; absent: empty. */
  input?: string;
  /** Ends the program when aborted; the call rejects when it has ended. */
  signal?: AbortSignal;
}

/** The OS user to run as; only root may choose. */
export interface OsIdentity {
  uid: number;
  gid: number;
}

export interface ToolResult {
  /** null when it could not be started or was ended by a signal. */
  code: number | null;
  /** The program does not exist or may not be run. */
  missing: boolean;
  /** stdout and stderr, in the order they came, at most the last OUTPUT_MAX characters. */
  output: string;
}

// Error messages stand at the end; a Maven run that goes wrong prints some 10 KB.
const OUTPUT_MAX = 64 * 1024;
// A program that is told to stop may clean up behind itself, as initdb does, but not for long.
const CLEAN_UP_LIMIT_MS = 2_000;

/** Never rejects for what the program does: exit codes and a missing program are results. Rejects when aborted. */
export const runTool = (command: string, args: readonly string[], options: ToolOptions = {}): Promise<ToolResult> =>
  new Promise((resolve, reject) => {
    let output = '';
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-OUTPUT_MAX);
    };
    const { env, cwd, identity, signal } = options;
    const child = spawn(command, args, { env, cwd, ...identity, stdio: ['pipe', 'pipe', 'pipe'] });
    const end = () => {
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), CLEAN_UP_LIMIT_MS).unref();
    };
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end);
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.stdin.on('error', () => {}); // a program that ends before it has read everything says so by its exit code
    child.stdin.end(options.input ?? '');
    child.once('error', (error) => resolve({ code: null, missing: true, output: error.message }));
    child.once('close', (code) => {
      signal?.removeEventListener('abort', end);
      if (signal?.aborted) reject(signal.reason);
      else resolve({ code, missing: false, output });
    });
  });
