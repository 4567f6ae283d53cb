// ops/drill/faults/database-pair.ts: a database with an asynchronous standby behind one address, and the failover to it.

import { appendFile, chown, copyFile, writeFile } from 'node:fs/promises';
import { createServer, connect as dial, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openDatabase, type Row } from '../../../shared/postgres/database.ts';
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
  /** The server that has the address now. */
  primary: () => KeptProcess;
  /** Resolves when the standby has everything that was committed before. */
  untilInStep: () => Promise<void>;
  /** From now on the standby hears of nothing more. */
  loseTouch: () => Promise<void>;
  /** The primary is gone for good; the standby is promoted, has its address, and is followed by a new standby in the place of the lost server. */
  failOver: () => Promise<void>;
  stop: () => Promise<void>;
}

interface Server {
  dir: string;
  home: PostgresHome;
  port: number;
  signal: AbortSignal;
}

const READY_LIMIT_MS = 60_000;
const IN_STEP_LIMIT_MS = 60_000; // milliseconds on a quiet machine
const POLL_MS = 50;

/** `onChange` hears of the ids of the two servers whenever one was started or ended. */
export const openDatabasePair = async (
  folder: string,
  checkout: string,
  onChange: (pids: readonly number[]) => void = () => {},
): Promise<DatabasePair> => {
  const signal = new AbortController().signal;
  const serverIn = async (name: string): Promise<Server> => {
    const dir = join(folder, name);
    const home = await providePostgresHome({ dir, checkout, say: () => {} });
    return { dir, home, port: await freePort(), signal };
  };
  const running = new Map<Server, KeptProcess>();
  const changed = (): void => onChange([...running.values()].flatMap((kept) => kept.pid() ?? []));
  const start = async (server: Server): Promise<void> => {
    const { spec } = await preparePostgres(server);
    const kept = keepRunning(spec, { onChange: changed, onLine: () => {}, say: () => {} });
    running.set(server, kept);
    kept.start();
    await kept.untilReady({ limitMs: READY_LIMIT_MS, orEnds: true });
  };

  let [primary, standby] = [await serverIn('primary'), await serverIn('standby')];
  const { url } = await preparePostgres(primary);
  await asSuperuser(primary, primary.home.data, ['ALTER ROLE orders REPLICATION']);
  const { password } = new URL(url);
  await makeStandby({ of: primary, as: standby, follow: primary.port, password });
  await start(primary);
  await start(standby);
  const address = await openAddress(primary.port);
  return {
    url: urlAt(url, address.port),
    primary: () => running.get(primary)!,
    untilInStep: () => untilInStep(urlAt(url, primary.port), urlAt(url, standby.port)),
    loseTouch: () => running.get(standby)!.stop(),
    failOver: async () => {
      await running.get(primary)!.stop();
      await running.get(standby)!.stop();
      // As the standby is before its promotion: from there it can follow.
      await makeStandby({ of: standby, as: primary, follow: standby.port, password });
      await start(standby);
      await promote(standby.home);
      address.leadTo(standby.port);
      [primary, standby] = [standby, primary];
      await start(standby);
    },
    stop: async () => {
      address.close();
      await Promise.all([...running.values()].map((kept) => kept.stop()));
    },
  };
};

const urlAt = (url: string, port: number): string => Object.assign(new URL(url), { port: String(port) }).href;

/** The position is asked for once, so that writers in the meantime do not matter. */
const untilInStep = async (primary: string, standby: string): Promise<void> => {
  const [now] = await ask<{ lsn: string }>(primary, 'SELECT pg_current_wal_lsn() AS lsn');
  const deadline = performance.now() + IN_STEP_LIMIT_MS;
  for (;;) {
    const [replayed] = await ask<{ there: boolean }>(standby, 'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS there', [now!.lsn]);
    if (replayed!.there) return;
    if (performance.now() > deadline) throw new Error(`The standby does not follow: it has not got ${now!.lsn}.`);
    await delay(POLL_MS);
  }
};

const ask = async <R extends Row>(url: string, statement: string, values: unknown[] = []): Promise<R[]> => {
  const database = openDatabase({ url, schema: 'public', applicationName: 'drill', maxConnections: 1 });
  try {
    return (await database.query<R>(statement, values)).rows;
  } finally {
    await database.end();
  }
};

const promote = async ({ identity, data, programs }: PostgresHome): Promise<void> => {
  const { code, output } = await runTool(join(programs, 'bin', 'pg_ctl'), ['promote', '-D', data], { identity, cwd: '/' });
  if (code !== 0) throw new Error(`The standby could not be promoted: ${output}`);
};

/** A copy of a server that is stopped, which follows the one at that port once it is started. */
const makeStandby = async ({ of, as, follow, password }: { of: Server; as: Server; follow: number; password: string }): Promise<void> => {
  const { data, identity } = as.home;
  await copyFolder(of.home.data, data);
  await privateFolder(as.dir, { passable: identity !== null });
  await copyFile(join(of.dir, 'password'), join(as.dir, 'password'));
  // The last line counts.
  await appendFile(
    join(data, 'postgresql.auto.conf'),
    `primary_conninfo = 'host=${LOOPBACK} port=${follow} user=orders password=${password}'\n`,
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
