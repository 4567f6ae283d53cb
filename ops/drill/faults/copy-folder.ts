// ops/drill/faults/copy-folder.ts: a folder as it was, with its owners and modes: a backup of a database that is stopped.

import { rm } from 'node:fs/promises';
import { runTool } from '../../local-stack/processes/run-tool.ts';

const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin' };

export const copyFolder = async (from: string, to: string): Promise<void> => {
  await rm(to, { recursive: true, force: true });
  const { code, output } = await runTool('cp', ['-a', from, to], { env: ENVIRONMENT });
  if (code !== 0) throw new Error(`${from} could not be copied: ${output}`);
};
