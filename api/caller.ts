// api/caller.ts: who is calling. Without access control everybody is the same anonymous caller.

export interface Caller {
  /** What idempotency keys belong to. */
  id: string;
  /** `ce_actor` of the events that a call leads to. */
  actor: string;
}

const ANONYMOUS: Caller = { id: 'anonymous', actor: 'anonymous' };

export const caller = (): Caller => ANONYMOUS;
