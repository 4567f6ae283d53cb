// api/http/preconditions.ts: If-Match and If-None-Match (RFC 9110, section 13) against the version of an order.
// Pure.

const TAG = /^"v([1-9]\d{0,8})"$/;

/** The versions that If-Match names; `any` for `*`, null without the header. A tag that is weak or none of ours matches nothing. */
export type IfMatch = 'any' | readonly number[] | null;

export const readIfMatch = (header: string | undefined): IfMatch => {
  if (header === undefined) return null;
  const tags = header.split(',').map((tag) => tag.trim());
  if (tags.includes('*')) return 'any';
  return tags.flatMap((tag) => {
    const version = TAG.exec(tag)?.[1];
    return version === undefined ? [] : [Number(version)];
  });
};

/**
 * The version to demand of the order in the log: null without a condition. `impossible`: versions only grow, so none of those
 * that are named can come true any more. Which of several is meant is decided here, whether it holds by the processor.
 */
export const expectedVersion = (ifMatch: IfMatch, current: number): number | null | 'impossible' => {
  if (ifMatch === null || ifMatch === 'any') return null;
  const possible = ifMatch.filter((version) => version >= current);
  return possible.length === 0 ? 'impossible' : Math.min(...possible);
};

/** If-None-Match compares weakly: `W/"v2"` is `"v2"`. */
export const noneMatchHolds = (header: string | undefined, etag: string): boolean => {
  if (header === undefined) return true;
  return !header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
};
