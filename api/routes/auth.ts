// api/routes/auth.ts: POST /auth and POST /auth/ticket.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { Access } from '../access/access.ts';
import { callerOf } from '../access/caller.ts';
import { sourceOf } from '../access/limits/source.ts';
import { TICKET_LIFETIME_S, TOKEN_LIFETIME_S } from '../access/tokens.ts';
import { Problem } from '../http/problems.ts';
import { EXAMPLE_TICKET, EXAMPLE_TOKEN, SignInInput, TicketAnswer, TokenAnswer } from '../schemas/accounts.ts';
import { NoQuery } from '../schemas/queries.ts';
import { BODY_PROBLEMS, jsonResponse, problemResponses } from '../schemas/responses.ts';

export interface AuthRoutesOptions {
  access: Pick<Access, 'signIn' | 'tokens'>;
}

const tags = ['Access'];

const signInSchema = {
  operationId: 'signIn',
  tags,
  summary: 'Email and password for a token',
  description:
    'Send the token as `Authorization: Bearer …`. It is good for 15 minutes, and ends when the user is erased or gets another password. At most 5 wrong passwords a minute for an email: of each address from which this user has signed in, and of all others together.',
  querystring: NoQuery,
  body: SignInInput,
  response: {
    200: jsonResponse({ description: 'The token.', schema: TokenAnswer, example: EXAMPLE_TOKEN }),
    ...problemResponses(
      'VALIDATION_FAILED',
      'MALFORMED_JSON',
      'NOT_ACCEPTABLE',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
      'READ_MODEL_UNAVAILABLE',
      'OVERLOADED',
    ),
  },
};
const ticketSchema = {
  operationId: 'createFeedTicket',
  tags,
  summary: 'A ticket for the feed',
  description:
    'For browsers, whose WebSocket can send no header: open `/feed?ticket=…` within 30 seconds, once. The feed ends when the credential of this request does.',
  querystring: NoQuery,
  response: {
    200: jsonResponse({ description: 'The ticket.', schema: TicketAnswer, example: EXAMPLE_TICKET }),
    ...problemResponses(...BODY_PROBLEMS, 'VALIDATION_FAILED', 'NOT_ACCEPTABLE', 'READ_MODEL_UNAVAILABLE', 'OVERLOADED'),
  },
};

export const authRoutes: FastifyPluginCallbackTypebox<AuthRoutesOptions> = (
  app,
  {
    access: {
      signIn: { signIn },
      tokens,
    },
  },
  done,
) => {
  app.post('/auth', { schema: signInSchema }, async (request, reply) => {
    const { email, password } = request.body;
    const signedIn = await signIn({ email, password, source: sourceOf(request) });
    if (signedIn === null) throw new Problem('UNAUTHENTICATED', 'Email or password is wrong.');
    const token = await tokens.issue({ id: signedIn.userId, version: signedIn.version });
    return reply.header('cache-control', 'no-store').send({ token, token_type: 'Bearer', expires_in: TOKEN_LIFETIME_S });
  });

  app.post('/auth/ticket', { schema: ticketSchema }, async (request, reply) => {
    const ticket = await tokens.issueTicket(callerOf(request));
    return reply.header('cache-control', 'no-store').send({ ticket, expires_in: TICKET_LIFETIME_S });
  });
  done();
};
