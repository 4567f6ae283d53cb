// tests/simulation/environment/group.ts: the simulated coordinator of a consumer group.
// Generations, a rebalance that waits for its members and goes on without those that are silent, and members that are expelled long before
// they hear of it.

import type { GroupOffset } from '../../../shared/log/log.ts';
import type { Process } from '../kernel/process.ts';
import type { Simulation } from '../kernel/simulation.ts';

export interface Member {
  readonly process: Process;
  /** Its assignment may no longer hold. */
  onDoubt: () => void;
  onAssignment: (partitions: number[], rejoined: boolean) => void;
  /** It was taken for dead: what it has is somebody else's. It joins again as another member. */
  onExpelled: () => void;
}

export interface Group {
  join: (member: Member) => void;
  /** The coordinator takes it for dead; it hears so some time later. */
  expel: (process: Process) => void;
  /** Only members of the current generation may. */
  commit: (member: Member, offsets: ReadonlyMap<number, GroupOffset>) => void;
  committed: () => ReadonlyMap<number, GroupOffset>;
  /** As an operator's tool may that found no members, or as a log that lost its end leaves what was committed. */
  note: (partition: number, offset: GroupOffset) => void;
}

const REBALANCE_MAX_MS = 1_500; // who has not rejoined by then is expelled
const HEARTBEAT_MAX_MS = 500; // how late a living member hears that there is a rebalance
const UNAWARE_MAX_MS = 3_000; // how long an expelled one goes on as if nothing had happened

interface Standing {
  rejoined: boolean;
  joined: boolean;
  generation: number;
}

export const createGroup = (sim: Simulation, partitionCount: number): Group => {
  const members = new Map<Member, Standing>();
  const committed = new Map<number, GroupOffset>();
  let generation = 0;

  const expelMember = (member: Member): void => {
    if (!members.delete(member)) return;
    sim.trace(() => `the group expels ${member.process.name}`);
    sim.after(sim.between(1, UNAWARE_MAX_MS), member.onExpelled, member.process);
  };
  const assign = (): void => {
    const mine = generation;
    const list = [...members];
    for (const [index, [member, standing]] of list.entries()) {
      const share = Array.from({ length: partitionCount }, (_, partition) => partition).filter(
        (partition) => partition % list.length === index,
      );
      const hear = (): void => {
        if (generation !== mine || !members.has(member)) return;
        standing.generation = mine;
        member.onAssignment(share, standing.rejoined);
        standing.rejoined = true;
      };
      sim.after(sim.between(1, 40), hear, member.process);
    }
  };
  const rebalance = (): void => {
    generation += 1;
    const mine = generation;
    const assignIfComplete = (): void => {
      if (generation === mine && [...members.values()].every(({ joined }) => joined)) assign();
    };
    for (const [member, standing] of members) {
      standing.joined = false;
      const hear = (): void => {
        if (generation !== mine || !members.has(member)) return;
        member.onDoubt();
        standing.joined = true;
        assignIfComplete();
      };
      sim.after(sim.between(1, standing.rejoined ? HEARTBEAT_MAX_MS : 10), hear, member.process);
    }
    const giveUp = (): void => {
      if (generation !== mine) return;
      const silent = [...members].filter(([, { joined }]) => !joined).map(([member]) => member);
      if (silent.length === 0) return;
      for (const member of silent) expelMember(member);
      assignIfComplete();
    };
    sim.after(REBALANCE_MAX_MS, giveUp, null);
  };

  return {
    join: (member) => {
      // A request to the coordinator: it decides, in a step of its own.
      sim.after(
        sim.between(1, 10),
        () => {
          members.set(member, { rejoined: false, joined: false, generation: -1 });
          rebalance();
        },
        null,
      );
    },
    expel: (process) => {
      const gone = [...members.keys()].filter((member) => member.process === process);
      for (const member of gone) expelMember(member);
      if (gone.length > 0) rebalance();
    },
    commit: (member, offsets) => {
      if (members.get(member)?.generation !== generation) return;
      for (const [partition, offset] of offsets) committed.set(partition, offset);
    },
    committed: () => committed,
    note: (partition, offset) => {
      committed.set(partition, offset);
    },
  };
};
