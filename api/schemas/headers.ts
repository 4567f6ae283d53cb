// api/schemas/headers.ts: request headers of more than one route, as OpenAPI shows them. api/requests/idempotency-key.ts reads the key.

import { Type } from 'typebox';
import { describedOnly } from './described.ts';

// Printable ASCII without quotes around it, or the quoted string of the draft; around a header's value HTTP allows no spaces.
const QUOTED = '"(?:[ !#-\\[\\]-~]|\\\\["\\\\]){1,255}"';
const KEY_HEADER_PATTERN = `^(?:[!#-~](?:[ -~]{0,253}[!-~])?|${QUOTED})$`;
/** In a body a key may begin and end with spaces. */
export const KEY_PATTERN = `^(?:[ !#-~][ -~]{0,254}|${QUOTED})$`;

export const KeyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ ...describedOnly({ pattern: KEY_HEADER_PATTERN }), description: '1 to 255 printable ASCII characters, quoted or not.' }),
  ),
});

/** Of a change of an order: conditional, and under a key. */
export const CommandHeaders = Type.Object({
  ...KeyHeaders.properties,
  'if-match': Type.Optional(Type.String({ description: '`"v2"`, a list of such tags, or `*`.' })),
});
