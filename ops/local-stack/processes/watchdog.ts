// ops/local-stack/processes/watchdog.ts: ends the stack's processes when their supervisor was killed and could not. A shell that reads from
// a pipe of the supervisor's: the operating system closes it however the supervisor ends.

import { spawn } from 'node:child_process';

export interface Watchdog {
  /** The processes to end, from now on. */
  guard: (pids: readonly number[]) => void;
  /** Nothing is left to guard. */
  release: () => void;
}

// Each line replaces the list. At the end of input what is listed is asked to stop, and killed 4 s later. $1: what to delete.
const SCRIPT = `
while read -r line; do pids=$line; done
[ -n "$pids" ] || exit 0
rm -rf -- "$1"
kill -INT $pids 2>/dev/null
n=0
while [ -n "$pids" ] && [ $n -lt 40 ]; do
  sleep 0.1
  alive=''
  for pid in $pids; do kill -0 "$pid" 2>/dev/null && alive="$alive $pid"; done
  pids=$alive
  n=$((n + 1))
done
[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
`;

/** `obsolete` is deleted when the supervisor was killed: a file or folder that leads nowhere then. */
export const startWatchdog = (obsolete: string): Watchdog => {
  // In a session of its own, so that a signal for the supervisor's process group does not reach it.
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'watchdog', obsolete], { cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  shell.on('error', () => {}); // without a shell the next start finds what is left over
  shell.stdin.on('error', () => {});
  shell.unref();
  return {
    guard: (pids) => shell.stdin.write(`${pids.join(' ')}\n`),
    release: () => shell.stdin.end('\n'),
  };
};
