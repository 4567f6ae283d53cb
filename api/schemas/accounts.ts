// api/schemas/accounts.ts: bodies and answers of users, signing in and tickets.

import { type Static, Type } from 'typebox';
import { USER_ROLES, type UserRole } from '../access/roles.ts';
import { TICKET_LIFETIME_S, TOKEN_LIFETIME_S } from '../access/tokens.ts';
import { ID_PATTERN } from '../http/ids.ts';
import { orNull } from './order.ts';
import { Cursor, Limit } from './queries.ts';

// RFC 5321 allows no more. Whether a mailbox is behind it only a message would show, so no more than the form is asked for.
const EMAIL_MAX = 254;
const EMAIL_PATTERN = '^[^\\s@:\\u0000-\\u001f\\u007f]+@[^\\s@:\\u0000-\\u001f\\u007f]+$';
const NAME_MAX = 200;
const NAME_PATTERN = '^[^\\u0000-\\u001f\\u007f]+$';
// NIST SP 800-63B: at least 8, no rules about kinds of characters, and room for whole sentences.
const PASSWORD_MIN = 8;
const PASSWORD_MAX = 256;

const Email = Type.String({
  maxLength: EMAIL_MAX,
  pattern: EMAIL_PATTERN,
  description: 'Upper and lower case are the same. No colon: it separates email and password in Basic.',
  examples: ['ada@example.com'],
});
const Name = Type.String({ minLength: 1, maxLength: NAME_MAX, pattern: NAME_PATTERN, examples: ['Ada'] });
const Password = Type.String({ minLength: PASSWORD_MIN, maxLength: PASSWORD_MAX });
const RoleSchema = Type.Unsafe<UserRole>({ type: 'string', enum: [...USER_ROLES] });

export const UserInput = Type.Object(
  { email: Email, name: Name, password: Password, role: Type.Optional(RoleSchema) },
  {
    additionalProperties: false,
    description: '`role` is `customer` unless given.',
    examples: [{ email: 'ada@example.com', name: 'Ada', password: 'correct horse battery' }],
  },
);

export const UserChanges = Type.Partial(UserInput, {
  additionalProperties: false,
  description: 'Any of the fields; what is left out stays.',
  examples: [{ role: 'operator' }],
});

export const UserPath = Type.Object({ user_id: Type.String({ pattern: ID_PATTERN }) }, { additionalProperties: false });
export const UsersQuery = Type.Object({ limit: Limit, cursor: Cursor }, { additionalProperties: false });

export const UserSchema = Type.Object(
  {
    user_id: Type.String(),
    email: Type.String(),
    name: Type.String(),
    role: RoleSchema,
    created_at: Type.String({ format: 'date-time' }),
  },
  { $id: 'User', additionalProperties: false },
);
type UserView = Static<typeof UserSchema>;
export const UserRef = Type.Unsafe<UserView>({ $ref: 'User#' });
export const EXAMPLE_USER: UserView = {
  user_id: '0199a1f0-7d2e-7c4b-9b1a-3f5d2c8e6a20',
  email: 'ada@example.com',
  name: 'Ada',
  role: 'customer',
  created_at: '2026-11-21T10:00:00.000Z',
};

export const UserPage = Type.Object(
  { users: Type.Array(UserRef), next_cursor: orNull(Type.String({ description: 'Give it as `cursor` for the next page.' })) },
  { additionalProperties: false },
);
export const EXAMPLE_USERS = { users: [EXAMPLE_USER], next_cursor: null };

/** Lenient: what could not be anybody's is a wrong password, not a mistake in the request. */
export const SignInInput = Type.Object(
  { email: Type.String({ maxLength: EMAIL_MAX }), password: Type.String({ maxLength: PASSWORD_MAX }) },
  { additionalProperties: false, examples: [{ email: 'ada@example.com', password: 'correct horse battery' }] },
);

export const TokenAnswer = Type.Object(
  { token: Type.String(), token_type: Type.String(), expires_in: Type.Integer({ description: 'Seconds.' }) },
  { additionalProperties: false },
);
export const EXAMPLE_TOKEN = { token: 'eyJhbGciOi…', token_type: 'Bearer', expires_in: TOKEN_LIFETIME_S };

export const TicketAnswer = Type.Object(
  { ticket: Type.String(), expires_in: Type.Integer({ description: 'Seconds.' }) },
  { additionalProperties: false },
);
export const EXAMPLE_TICKET = { ticket: 'eyJhbGciOi…', expires_in: TICKET_LIFETIME_S };
