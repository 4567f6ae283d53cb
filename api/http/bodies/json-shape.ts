// api/http/bodies/json-shape.ts: how much structure a JSON text has, counted before anything is made of it.
// A mebibyte of brackets or of new keys takes the parser a tenth of a second, in which no other request moves; counting a kibibyte takes a
// few microseconds. Pure.

import { type Problem, validationFailed } from '../problems.ts';

/** Levels: an order has three. */
export const JSON_DEPTH_MAX = 8;
/** Fields and elements in all: the largest order, 100 items with all their fields, has 406. 500 new keys take the parser half a millisecond. */
export const JSON_ENTRIES_MAX = 500;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The problem with a text that must not be parsed; null: it may. Up to the first place that is not JSON it counts as a parser would. */
export const shapeProblem = (text: string): Problem | null => {
  let depth = 0;
  let entries = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        depth += 1;
        entries += 1; // its first one; each further one comes after a comma
        if (depth > JSON_DEPTH_MAX) return tooMuch(`must not have more than ${JSON_DEPTH_MAX} levels`);
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth -= 1;
        break;
      case COMMA:
        entries += 1;
    }
    if (entries > JSON_ENTRIES_MAX) return tooMuch(`must not have more than ${JSON_ENTRIES_MAX} fields and elements in all`);
  }
  return null;
};

/** Where the string that begins at `from` ends; behind the text, if it does not. */
const endOfString = (text: string, from: number): number => {
  let at = from + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
};

const tooMuch = (message: string): Problem => validationFailed([{ path: '/', message }]);
