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
  /** The generation that the member knows of, for its requests. */
  generationOf: (member: Member) => number | null;
  /** Only members of the current generation may, by what they knew when they asked. */
  commit: (member: Member, generation: number | null, offsets: ReadonlyMap<number, GroupOffset>) => void;
  /** The members' partitions go to others, or to nobody, and come back so much later: two rebalances, of which all hear soon. */
  moveAndReturn: (to: 'others' | 'nobody', backAfterMs: number) => void;
  processes: () => Process[];
  committed: () => ReadonlyMap<number, GroupOffset>;
  /** As an operator's tool may that found no members, or as a log that lost its end leaves what was committed. */
  note: (partition: number, offset: GroupOffset) => void;
  /** What was committed is gone, with the topic that it was of. */
  forget: () => void;
}

const REBALANCE_MAX_MS = 1_500; // who has not rejoined by then is expelled
const HEARTBEAT_MAX_MS = 500; // how late a living member hears that there is a rebalance
const HEARD_SOON_MS = 10; // a heartbeat that was due just then
const UNAWARE_MAX_MS = 3_000; // how long an expelled one goes on as if nothing had happened

interface Standing {
  rejoined: boolean;
  joined: boolean;
  generation: number;
}

/** Called before a member's commit is kept. */
export type OnCommit = (partition: number, before: GroupOffset | undefined, after: GroupOffset) => void;

export const createGroup = (sim: Simulation, partitionCount: number, onCommit: OnCommit = () => {}): Group => {
  const members = new Map<Member, Standing>();
  const committed = new Map<number, GroupOffset>();
  /** What no member has committed says nothing about what the next one must say. */
  const noted = new Set<number>();
  let generation = 0;
  /** How far the shares are moved on from where they belong; null: nobody has one. */
  let turn: number | null = 0;

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
        (partition) => turn !== null && (partition + turn) % list.length === index,
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
  const rebalance = (heardWithinMs = HEARTBEAT_MAX_MS): void => {
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
      sim.after(sim.between(1, standing.rejoined ? heardWithinMs : 10), hear, member.process);
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
    generationOf: (member) => members.get(member)?.generation ?? null,
    commit: (member, asked, offsets) => {
      if (!members.has(member) || asked !== generation) return;
      for (const [partition, offset] of offsets) {
        onCommit(partition, noted.has(partition) ? undefined : committed.get(partition), offset);
        noted.delete(partition);
        committed.set(partition, offset);
      }
    },
    moveAndReturn: (to, backAfterMs) => {
      const assignAs = (next: number | null): void => {
        turn = next;
        rebalance(HEARD_SOON_MS);
      };
      assignAs(to === 'nobody' ? null : 1);
      sim.after(backAfterMs, () => assignAs(0), null);
    },
    processes: () => [...members.keys()].map(({ process }) => process),
    committed: () => committed,
    note: (partition, offset) => {
      committed.set(partition, offset);
      noted.add(partition);
    },
    forget: () => committed.clear(),
  };
};
