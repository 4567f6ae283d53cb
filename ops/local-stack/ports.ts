// ops/local-stack/ports.ts: which TCP ports the stack's processes get. Ports are tried before anything starts, so that a clash
// is one sentence and not a crash loop.

import { type AddressInfo, createServer, type Server } from 'node:net';
import { AppError } from '../../shared/runtime/app-error.ts';

export const LOOPBACK = '127.0.0.1';

export interface PortWish {
  /** The variable that changes it. */
  variable: string;
  /** 0 takes any free port. */
  port: number;
}

/**
 * One port per wish, in order, all distinct. Throws LOCAL_STACK when a wished one is in use. The ports are free at the
 * moment of the answer; nothing reserves them afterwards.
 */
export const choosePorts = async (wishes: readonly PortWish[]): Promise<number[]> => {
  refuseTwins(wishes);
  const held: Server[] = [];
  try {
    // Fixed ports first: a free one must not take what a later wish names.
    for (const wish of wishes.filter(({ port }) => port !== 0)) held.push(await listen(wish));
    const chosen: number[] = [];
    for (const wish of wishes) {
      if (wish.port !== 0) {
        chosen.push(wish.port);
        continue;
      }
      const server = await listen(wish);
      held.push(server);
      chosen.push((server.address() as AddressInfo).port);
    }
    return chosen;
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
};

export const freePort = async (): Promise<number> => (await choosePorts([{ variable: 'none', port: 0 }]))[0]!;

const refuseTwins = (wishes: readonly PortWish[]): void => {
  for (const [index, { variable, port }] of wishes.entries()) {
    const twin = wishes.slice(0, index).find((other) => port !== 0 && other.port === port);
    if (twin) throw new AppError('LOCAL_STACK', `${twin.variable} and ${variable} are both ${port}: give each a port of its own.`);
  }
};

const listen = ({ variable, port }: PortWish): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE' ? 'is in use: stop the program that has it' : `cannot be opened (${error.code}): choose a higher one`;
      const advice = `or set ${variable} to another port (0 takes any free one)`;
      reject(new AppError('LOCAL_STACK', `Port ${port} of ${LOOPBACK} ${reason}, ${advice}.`, error));
    });
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => resolve(server));
  });
