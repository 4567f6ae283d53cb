// ops/local-stack/kafka/kafka-jars.ts: Kafka's published jars, fetched once by Maven as ops/kafka/pom.xml lists them.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { requireMaven } from '../preflight.ts';
import { runTool } from '../processes/run-tool.ts';

export interface JarsOptions {
  pom: string;
  /** Holds one folder per version of the pom; shared by everything that runs a broker from this checkout. */
  cacheDir: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  say: (sentence: string) => void;
}

/**
 * The folder with the jars. It is complete or absent: they are fetched beside it and renamed, so an interrupted fetch and
 * two at once are harmless. Throws LOCAL_STACK when Maven is missing or fails.
 */
export const provideKafkaJars = async (options: JarsOptions): Promise<string> => {
  const pom = await readFile(options.pom, 'utf8');
  const version = /<artifactId>kafka_2\.13<\/artifactId>\s*<version>([^<]+)</.exec(pom)?.[1];
  // The digest brings a new folder when any other dependency of the pom changes.
  const folder = join(options.cacheDir, `libs-${version}-${createHash('sha256').update(pom).digest('hex').slice(0, 8)}`);
  if (existsSync(folder)) return folder;

  const maven = await requireMaven(options.env);
  options.say(`fetching Kafka ${version} (first start only, about 45 MB) …`);
  await mkdir(options.cacheDir, { recursive: true });
  const fetching = await mkdtemp(join(options.cacheDir, 'fetching-'));
  try {
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${fetching}`];
    const { code, output } = await runTool(maven, ['-q', '-B', '-f', options.pom, ...goal], options);
    if (code !== 0) throw fetchFailed(output);
    await rename(fetching, folder).catch((error) => {
      if (!existsSync(folder)) throw error; // otherwise another process was faster, with the same content
    });
  } finally {
    await rm(fetching, { recursive: true, force: true });
  }
  return folder;
};

const fetchFailed = (output: string): AppError => {
  const reason = /^\[ERROR\] +(\S.*)$/m.exec(stripVTControlCharacters(output))?.[1] ?? output.trim();
  return new AppError(
    'LOCAL_STACK',
    `Maven could not fetch Kafka's jars: check the network, or set KAFKA_BROKERS to a broker that runs already (${reason.slice(0, 300)}).`,
  );
};
