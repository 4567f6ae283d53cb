import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { choosePorts, freePort } from '../../../../ops/local-stack/ports.ts';

const listenOn = async (port: number) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return () => new Promise((resolve) => server.close(resolve));
};

describe('choosing ports', () => {
  test('keeps fixed ports, and gives every 0 a free one that is nobody else’s', async () => {
    const fixed = await freePort();
    const any = { variable: 'A', port: 0 };
    const ports = await choosePorts([any, { variable: 'B', port: fixed }, any, any]);
    expect(ports[1]).toBe(fixed);
    expect(new Set(ports).size).toBe(4);
    for (const port of ports) await (await listenOn(port))();
  });

  test('names the port that is in use and the variable that changes it, in one sentence', async () => {
    const port = await freePort();
    const close = await listenOn(port);
    await expect(choosePorts([{ variable: 'KAFKA_PORT', port }])).rejects.toThrow(
      `Port ${port} of 127.0.0.1 is in use: stop the program that has it, or set KAFKA_PORT to another port (0 takes any free one).`,
    );
    await close();
  });

  test('names both variables when they want the same port', async () => {
    const twins = [
      { variable: 'PORT', port: 9101 },
      { variable: 'PROCESSOR_PORT', port: 9101 },
    ];
    await expect(choosePorts(twins)).rejects.toThrow('PORT and PROCESSOR_PORT are both 9101');
  });
});
