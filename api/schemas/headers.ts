// api/schemas/headers.ts: request headers of more than one route, as OpenAPI shows them. api/requests/idempotency-key.ts reads the key.

import { Type } from 'typebox';
import { describedOnly } from './described.ts';
import { AFTER_MAX } from './queries.ts';

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

/** Of reads: instead of `after` in the query. */
const Token = Type.Optional(Type.String({ maxLength: AFTER_MAX, description: 'The same as `after`, which goes before it.' }));
export const TokenHeaders = Type.Object({ 'consistency-token': Token });
export const ConditionalHeaders = Type.Object({
  'consistency-token': Token,
  'if-none-match': Type.Optional(
    Type.String({ description: 'ETags that the client has, or `*`: 304 if the order still has one of them.' }),
  ),
});
