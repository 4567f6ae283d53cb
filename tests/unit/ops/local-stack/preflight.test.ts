import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { javaMajor, requireJava, requireMaven } from '../../../../ops/local-stack/preflight.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'preflight-'));
});
afterAll(() => rm(folder, { recursive: true }));

const javaThatSays = async (line: string): Promise<NodeJS.ProcessEnv> => {
  const java = join(folder, 'java');
  await writeFile(java, `#!/bin/sh\necho '${line}' >&2\n`);
  await chmod(java, 0o755);
  return { PATH: folder };
};

describe('what a local broker needs', () => {
  test.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['openjdk version "21" 2023-09-19', 21],
    ['java version "1.8.0_402"', 8],
    ['The operation couldn’t be completed. Unable to locate a Java Runtime.', null],
  ])('reads %s', (line, major) => {
    expect(javaMajor(line)).toBe(major);
  });

  test('takes a Java that is new enough', async () => {
    await expect(requireJava(await javaThatSays('openjdk version "17.0.1" 2021-10-19'))).resolves.toBe('java');
  });

  test('says what to do when the Java is too old', async () => {
    await expect(requireJava(await javaThatSays('openjdk version "11.0.2" 2019-01-15'))).rejects.toThrow(
      'Kafka needs Java 17 or newer and java is Java 11: install a JRE, point JAVA_HOME at one, or set KAFKA_BROKERS to a broker that runs already.',
    );
  });

  test('says what to do when there is no Java', async () => {
    await expect(requireJava({ PATH: '/nowhere' })).rejects.toThrow('no Java was found (tried java): install a JRE');
    await expect(requireJava({ PATH: folder, JAVA_HOME: '/nowhere' })).rejects.toThrow('no Java was found (tried /nowhere/bin/java)');
  });

  test('says what to do when there is no Maven', async () => {
    await expect(requireMaven({ PATH: '/nowhere' })).rejects.toThrow('mvn was not found: install Maven, or set KAFKA_BROKERS');
  });
});
