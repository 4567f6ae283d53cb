// shared/log/identity/position-guard.ts: makes sure, after every new connection, that what a reader goes on with is the log it has read (R17).
// A broker that lost the end of its log says nothing: once it has grown past the position, other records stand there. So the first fetch
// of a partition begins one record earlier, and that record must be the one that was read there before. No I/O.

import { AppError } from '../../runtime/app-error.ts';
import { offsetAfter } from '../log.ts';
import { type Fetched, isOutOfRange } from '../protocol/fetch.ts';
import { anotherEvent, anotherTopic, endIsLost, READER } from './log-mismatch.ts';
import { identityOf } from './record-identity.ts';

export interface PositionGuard {
  /** Connections are new, leaders may be others: nothing is believed of a partition until it has been compared. */
  newSession: () => void;
  /** What a broker says is the topic's id. Throws LOG_MISMATCH when it was another one before. */
  topicIs: (id: string) => void;
  /** Partition → offset to fetch from, so that the caller gets on with what it wants: that offset, or the record before it. */
  ask: (wanted: ReadonlyMap<number, number>) => Map<number, number>;
  /**
   * What was fetched, as the answer to what was wanted; null: it says nothing about that, and is to be fetched again. Throws LOG_MISMATCH
   * when another record stands before it than was read there, or when the log does not reach as far any more.
   */
  take: (fetched: Fetched) => Fetched | null;
}

/** The record before `at`, as it was read. */
interface Anchor {
  at: number;
  /** Null: the log has none before it, or none any more. */
  id: string | null;
}

interface Watched {
  /** Where the latest fetch began and where it ended: which of them the caller goes on from it alone knows. */
  anchors: Anchor[];
  /** Compared in this session, or read in it. */
  confirmed: boolean;
  asked: Question | null;
  /** The record before was not shown, maybe because there is none: the next question finds out. */
  notShown: boolean;
}

interface Question {
  wanted: number;
  /** `on`: what is wanted. `before`: also the record before it. `reach`: whether the log reaches as far. */
  what: 'on' | 'before' | 'reach';
}

export const createPositionGuard = (topic: string): PositionGuard => {
  const partitions = new Map<number, Watched>();
  let topicId: string | null = null;

  const watch = (partition: number): Watched => {
    const watched = partitions.get(partition) ?? { anchors: [], confirmed: false, asked: null, notShown: false };
    partitions.set(partition, watched);
    return watched;
  };

  return {
    newSession: () => {
      for (const watched of partitions.values()) Object.assign(watched, { confirmed: false, asked: null, notShown: false });
    },
    topicIs: (id) => {
      if (topicId !== null && id !== topicId) throw anotherTopic(READER, topic, { expected: topicId, found: id, isShorter: false });
      topicId = id;
    },
    ask: (wanted) =>
      new Map(
        Array.from(wanted, ([partition, offset]) => {
          const watched = watch(partition);
          watched.asked = questionFor(watched, offset);
          return [partition, watched.asked.what === 'before' ? offset - 1 : offset];
        }),
      ),
    take: (fetched) => {
      const watched = watch(fetched.partition);
      const { asked } = watched;
      watched.asked = null;
      if (asked === null) return null;
      if (asked.what === 'before') return takeWithBefore(topic, watched, fetched, asked.wanted);
      if (asked.what === 'reach') return takeReach(topic, watched, fetched);
      noteRead(watched, fetched);
      return fetched;
    },
  };
};

const anchorAt = ({ anchors }: Watched, offset: number): Anchor | undefined => anchors.find(({ at }) => at === offset);

const questionFor = (watched: Watched, wanted: number): Question => {
  if (watched.notShown) return { wanted, what: 'reach' };
  const anchor = anchorAt(watched, wanted);
  const isBelieved = wanted === 0 || (anchor !== undefined && (watched.confirmed || anchor.id === null));
  return { wanted, what: isBelieved ? 'on' : 'before' };
};

const noteRead = (watched: Watched, { fromOffset, nextOffset, records }: Fetched): void => {
  const last = records.at(-1);
  if (last === undefined) return;
  const before = anchorAt(watched, fromOffset);
  watched.anchors = [...(before ? [before] : []), { at: nextOffset, id: identityOf(last) }];
  watched.confirmed = true;
};

const takeWithBefore = (topic: string, watched: Watched, fetched: Fetched, wanted: number): Fetched | null => {
  const { partition, records, damage } = fetched;
  const place = { partition, nextOffset: wanted };
  const expected = anchorAt(watched, wanted)?.id ?? null;
  if (isOutOfRange(fetched)) {
    if (expected !== null) throw endIsLost(READER, topic, place, null);
    // Nothing was read there yet, and nothing is there: it begins at what the log has, or out of it, which the next fetch tells.
    watched.anchors = [{ at: wanted, id: null }];
    return null;
  }
  const nothing: Fetched = { ...fetched, fromOffset: wanted, nextOffset: wanted, records: [] };
  const [before, ...rest] = records;
  if (before === undefined) {
    // A leader that was just elected shows less than it has, until its followers have told it how far they are.
    watched.notShown = damage === null;
    return nothing;
  }
  if (before.offset !== wanted - 1) throw new AppError('LOG_GAP', `${topic}/${partition} has no record ${wanted - 1} any more.`);
  const found = identityOf(before);
  if (expected !== null && found !== expected) throw anotherEvent(READER, topic, place, { expected, found });
  watched.anchors = [{ at: wanted, id: found }];
  watched.confirmed = true;
  if (offsetAfter(before) !== wanted) return nothing; // begun in the middle of a batch that nobody opens
  const answer = { ...fetched, fromOffset: wanted, records: rest };
  noteRead(watched, answer);
  return answer;
};

/** A leader answers out of range where its log ends before, and nothing where it only does not show what it has. */
const takeReach = (topic: string, watched: Watched, fetched: Fetched): Fetched | null => {
  watched.notShown = false;
  if (!isOutOfRange(fetched)) return null; // whatever came: the record before it comes first
  const { partition, fromOffset: nextOffset } = fetched;
  if ((anchorAt(watched, nextOffset)?.id ?? null) !== null) throw endIsLost(READER, topic, { partition, nextOffset }, null);
  return fetched;
};
