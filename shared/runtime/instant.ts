// shared/runtime/instant.ts: turns a text into an instant, for queries and the command line: RFC 3339, and nothing else.
// What it accepts it understands: no day that does not exist, no leap second, no offset without minutes. Pure.

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Epoch milliseconds of `2026-11-21T08:00:00.5+01:00`, digits beyond milliseconds cut off; null for any other form. */
export const instantOf = (text: string): number | null => {
  const found = DATE_TIME.exec(text);
  if (found === null) return null;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const [offsetHour, offsetMinute] = [Number(found[9] ?? 0), Number(found[10] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return null;
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day); // Date.UTC would take the year 26 for 1926
  if (local.getUTCMonth() !== month - 1 || local.getUTCDate() !== day) return null;
  local.setUTCHours(hour, minute, second, Number((found[7] ?? '').padEnd(3, '0').slice(0, 3)));
  const offsetMs = (offsetHour * 60 + offsetMinute) * 60_000;
  return local.getTime() - (found[8] === '-' ? -offsetMs : offsetMs);
};
