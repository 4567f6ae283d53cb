// shared/runtime/storable-text.ts: which texts can be kept: PostgreSQL stores no NUL, and UTF-8 cannot carry half of a surrogate pair.
// Doors refuse the others, so that nothing is acknowledged which a reader of the log would have to set aside. Pure.

export const isStorableText = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/**
 * Where in a JSON value the first text stands that cannot be kept, a name of a property included: a JSON Pointer (RFC 6901), in which the
 * offending name itself is left out. Null: all of it can.
 */
export const unstorablePath = (value: unknown): string | null => {
  if (typeof value === 'string') return isStorableText(value) ? null : '';
  if (typeof value !== 'object' || value === null) return null;
  for (const [name, each] of Object.entries(value)) {
    if (!isStorableText(name)) return '';
    const path = unstorablePath(each);
    if (path !== null) return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}${path}`;
  }
  return null;
};
