// bench/scenarios/idle.ts: what the system uses while no client asks anything of it.

import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { familyMemory } from '../measure/process-usage.ts';
import { quietRounds } from '../measure/quiet-rounds.ts';
import { openWindow } from '../measure/window.ts';
import type { Findings } from '../report/findings.ts';
import { ROLES } from '../system/system.ts';

const SETTLE_SECONDS = { quick: 3, full: 10 };
const SECONDS = { quick: 10, full: 20 };
const ATTEMPTS = 3;

export const idle = async ({ system, load, settings, say }: Bench): Promise<Findings> => {
  const size = settings.quick ? 'quick' : 'full';
  const seconds = SECONDS[size];
  await system.restartRoles();
  await delay(SETTLE_SECONDS[size] * 1_000);
  const run = async () => {
    const window = openWindow({ processes: system.processes, observers: [load.pid, process.pid], backends: [] });
    await delay(seconds * 1_000);
    const usage = window.close();
    const names = Object.keys(usage.cpu);
    const percent = Object.fromEntries(names.map((name) => [name, (usage.cpu[name]! / usage.seconds) * 100]));
    const memory = Object.fromEntries(names.map((name) => [name, familyMemory(system.processes()[name]!)]));
    say(`f: idle: ${names.map((name) => `${name} ${percent[name]!.toFixed(2)} % ${memory[name]!.toFixed(0)} MB`).join(', ')}`);
    return { percent, memory, foreignCores: usage.foreignCores };
  };
  const { rounds, disturbed } = await quietRounds({ wanted: 1, attempts: ATTEMPTS, run, say });
  const { percent, memory } = rounds[0]!;
  return {
    findings: [
      {
        id: 'idle-cpu',
        what: 'idle CPU of the busiest role',
        value: Math.max(...ROLES.map((role) => percent[role]!)),
        unit: '%',
        places: 2,
        target: { bound: 'at most', limit: 0.5 },
        disturbed,
      },
      {
        id: 'idle-memory',
        what: 'idle memory of the largest role',
        value: Math.max(...ROLES.map((role) => memory[role]!)),
        unit: 'MB',
        target: { bound: 'at most', limit: 120 },
        disturbed,
      },
    ],
    details: [
      {
        title: 'Idle',
        remarks: [`After a restart of the roles, before the first order; over ${seconds} s, in percent of one core. Megabytes resident.`],
        columns: ['', ...Object.keys(percent)],
        rows: [
          ['CPU, %', ...Object.values(percent).map((value) => value.toFixed(2))],
          ['memory, MB', ...Object.values(memory).map(Math.round)],
        ],
      },
    ],
  };
};
