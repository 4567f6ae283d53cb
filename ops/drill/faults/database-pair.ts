// ops/drill/faults/database-pair.ts: a database with an asynchronous standby behind one address, and the failover to it.

import { appendFile, chown, copyFile, writeFile } from 'node:fs/promises';
import { createServer, connect as dial, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, LOOPBACK } from '../../local-stack/ports.ts';
import { type PostgresHome, providePostgresHome } from '../../local-stack/postgres/postgres-home.ts';
import { asSuperuser, preparePostgres } from '../../local-stack/postgres/postgres-server.ts';
import { privateFolder } from '../../local-stack/private-folder.ts';
import { type KeptProcess, keepRunning } from '../../local-stack/processes/keep-running.ts';
import { runTool } from '../../local-stack/processes/run-tool.ts';
import { copyFolder } from './copy-folder.ts';

export interface DatabasePair {
  /** Leads to the primary, from the failover on to the standby. */
  url: string;
  /** From now on the standby hears of nothing more. */
  loseTouch: () => Promise<void>;
  /** Kills the primary; resolves when it has started again. */
  killPrimary: () => Promise<void>;
  /** The primary is gone; the standby is promoted and has its address. */
  failOver: () => Promise<void>;
  stop: () => Promise<void>;
}

const READY_LIMIT_MS = 60_000;
const POLL_MS = 20;

export const openDatabasePair = async (folder: string, checkout: string): Promise<DatabasePair> => {
  const signal = new AbortController().signal;
  const homeOf = async (name: string) => {
    const dir = join(folder, name);
    const home = await providePostgresHome({ dir, checkout, say: () => {} });
    const options = { dir, home, port: await freePort(), signal };
    return options;
  };
  const [primary, standby] = [await homeOf('primary'), await homeOf('standby')];
  const { spec, url } = await preparePostgres(primary);
  await asSuperuser(primary, primary.home.data, ['ALTER ROLE orders REPLICATION']);
  await copyFolder(primary.home.data, standby.home.data);
  await privateFolder(standby.dir, { passable: standby.home.identity !== null });
  await copyFile(join(primary.dir, 'password'), join(standby.dir, 'password'));
  await makeStandby(standby.home, { password: new URL(url).password, port: primary.port });

  const kept = (of: typeof spec): KeptProcess => keepRunning(of, { onChange: () => {}, onLine: () => {}, say: () => {} });
  const start = async (process: KeptProcess): Promise<KeptProcess> => {
    process.start();
    await process.untilReady({ limitMs: READY_LIMIT_MS, orEnds: true });
    return process;
  };
  const { spec: standbySpec } = await preparePostgres(standby);
  const running = { primary: await start(kept(spec)), standby: await start(kept(standbySpec)) };
  const address = await openAddress(primary.port);
  return {
    url: Object.assign(new URL(url), { port: String(address.port) }).href,
    loseTouch: () => running.standby.stop(),
    killPrimary: async () => {
      const { primary: victim } = running;
      const killed = victim.pid();
      victim.kill();
      while (victim.pid() === killed || victim.pid() === null) await delay(POLL_MS);
      await victim.untilReady({ limitMs: READY_LIMIT_MS, orEnds: false });
    },
    failOver: async () => {
      await running.primary.stop();
      running.standby = await start(kept(standbySpec));
      const { identity, data, programs } = standby.home;
      const { code, output } = await runTool(join(programs, 'bin', 'pg_ctl'), ['promote', '-D', data], { identity, cwd: '/' });
      if (code !== 0) throw new Error(`The standby could not be promoted: ${output}`);
      address.leadTo(standby.port);
    },
    stop: async () => {
      address.close();
      await Promise.all([running.primary.stop(), running.standby.stop()]);
    },
  };
};

const makeStandby = async ({ data, identity }: PostgresHome, { password, port }: { password: string; port: number }): Promise<void> => {
  await appendFile(
    join(data, 'postgresql.auto.conf'),
    `primary_conninfo = 'host=${LOOPBACK} port=${port} user=orders password=${password}'\n`,
  );
  const mark = join(data, 'standby.signal');
  await writeFile(mark, '');
  if (identity) await chown(mark, identity.uid, identity.gid);
};

/** A port of our own, as a virtual address: connections end when it leads elsewhere. */
const openAddress = async (port: number) => {
  let target = port;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = dial(target, LOOPBACK);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  const own = await freePort();
  await new Promise<void>((resolve) => server.listen(own, LOOPBACK, resolve));
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: own,
    leadTo: (other: number): void => {
      target = other;
      drop();
    },
    close: (): void => {
      server.close();
      drop();
    },
  };
};
