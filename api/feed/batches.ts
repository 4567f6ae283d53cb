// api/feed/batches.ts: joins the frames of one turn of the event loop once for all clients that see the same.
// Pure.

export interface Frame {
  userId: string;
  bytes: Buffer;
}

export interface Batch {
  bytes: Buffer;
  frames: number;
}

/** By owner, null for the frames of all users; null when there is nothing for it. */
export const batchesOf = (frames: readonly Frame[]): ((owner: string | null) => Batch | null) => {
  const made = new Map<string | null, Batch | null>();
  let byUser: Map<string, Frame[]> | null = null;
  return (owner) => {
    const known = made.get(owner);
    if (known !== undefined) return known;
    if (owner !== null) byUser ??= Map.groupBy(frames, ({ userId }) => userId);
    const batch = batchOf(owner === null ? frames : (byUser!.get(owner) ?? []));
    made.set(owner, batch);
    return batch;
  };
};

const batchOf = (frames: readonly Frame[]): Batch | null => {
  if (frames.length === 0) return null;
  return { bytes: frames.length === 1 ? frames[0]!.bytes : Buffer.concat(frames.map(({ bytes }) => bytes)), frames: frames.length };
};
