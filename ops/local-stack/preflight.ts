// ops/local-stack/preflight.ts: is there what a local broker needs? If not, one sentence that says what to do about it.

import { join } from 'node:path';
import { AppError } from '../../shared/runtime/app-error.ts';
import { runTool } from './processes/run-tool.ts';

// Kafka 4 brokers refuse to run on anything older.
const JAVA_MIN = 17;
const OR_ELSE = 'or set KAFKA_BROKERS to a broker that runs already';

/** The java to run: JAVA_HOME's, else the one on the path. Throws LOCAL_STACK when there is none or it is too old. */
export const requireJava = async (env: NodeJS.ProcessEnv): Promise<string> => {
  const java = env.JAVA_HOME ? join(env.JAVA_HOME, 'bin', 'java') : 'java';
  const { code, output } = await runTool(java, ['-version'], { env });
  const found = code === 0 ? javaMajor(output) : null;
  if (found !== null && found >= JAVA_MIN) return java;
  const problem = found === null ? `no Java was found (tried ${java})` : `${java} is Java ${found}`;
  throw new AppError(
    'LOCAL_STACK',
    `Kafka needs Java ${JAVA_MIN} or newer and ${problem}: install a JRE, point JAVA_HOME at one, ${OR_ELSE}.`,
  );
};

/** Maven, needed only until Kafka's jars are fetched. Throws LOCAL_STACK when it is missing. */
export const requireMaven = async (env: NodeJS.ProcessEnv): Promise<string> => {
  const { code, missing, output } = await runTool('mvn', ['-version'], { env });
  if (code === 0) return 'mvn';
  const problem = missing ? 'was not found' : `does not run (${output.trim().split('\n')[0]})`;
  throw new AppError('LOCAL_STACK', `Kafka's jars are fetched by Maven once, and mvn ${problem}: install Maven, ${OR_ELSE}.`);
};

/** 17 of `openjdk version "17.0.15"`, 8 of `java version "1.8.0_402"`. Null when there is no version in it. */
export const javaMajor = (output: string): number | null => {
  const match = /version "(?:1\.)?(\d+)/.exec(output);
  return match ? Number(match[1]) : null;
};
