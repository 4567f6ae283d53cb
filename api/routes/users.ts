// api/routes/users.ts: /users: create, read, list, change and erase.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import { iso } from '../../shared/order/order-view.ts';
import type { User } from '../access/accounts/account-store.ts';
import type { Users } from '../access/accounts/users.ts';
import { cursorOf, readCursor } from '../http/cursors.ts';
import { ID } from '../http/ids.ts';
import { EXAMPLE_USER, EXAMPLE_USERS, UserChanges, UserInput, UserPage, UserPath, UserRef, UsersQuery } from '../schemas/accounts.ts';
import { NoQuery } from '../schemas/queries.ts';
import { BODY_PROBLEMS, emptyResponse, jsonResponse, problemResponses } from '../schemas/responses.ts';

export interface UsersRoutesOptions {
  access: { users: Users };
}

const tags = ['Users'];
const ALWAYS = ['VALIDATION_FAILED', 'NOT_ACCEPTABLE', 'READ_MODEL_UNAVAILABLE', 'OVERLOADED'] as const;
const WITH_BODY = ['MALFORMED_JSON', 'EMAIL_TAKEN', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const;
const user = (description: string, headers?: Record<string, string>) =>
  jsonResponse({ description, schema: UserRef, example: EXAMPLE_USER, headers });

const createSchema = {
  operationId: 'createUser',
  tags,
  summary: 'Add a user',
  querystring: NoQuery,
  body: UserInput,
  response: { 201: user('The user, without the password.', { Location: 'The user.' }), ...problemResponses(...ALWAYS, ...WITH_BODY) },
};
const readSchema = {
  operationId: 'getUser',
  tags,
  summary: 'One user',
  params: UserPath,
  querystring: NoQuery,
  response: { 200: user('The user.'), ...problemResponses(...ALWAYS, 'USER_NOT_FOUND') },
};
const listSchema = {
  operationId: 'listUsers',
  tags,
  summary: 'A page of users',
  description: 'Oldest first.',
  querystring: UsersQuery,
  response: {
    200: jsonResponse({ description: 'A page.', schema: UserPage, example: EXAMPLE_USERS }),
    ...problemResponses(...ALWAYS, 'INVALID_CURSOR'),
  },
};
const updateSchema = {
  operationId: 'updateUser',
  tags,
  summary: 'Change a user',
  description:
    'Another role counts within half a minute everywhere. Another password ends the tokens that there are. Feeds that are open end with both.',
  params: UserPath,
  querystring: NoQuery,
  body: UserChanges,
  response: { 200: user('The user as it is now.'), ...problemResponses(...ALWAYS, ...WITH_BODY, 'USER_NOT_FOUND') },
};
const eraseSchema = {
  operationId: 'eraseUser',
  tags,
  summary: 'Erase a user',
  description: 'Email, name and password are gone; the orders stay, under an id that stands for nobody and is never used again.',
  params: UserPath,
  querystring: NoQuery,
  response: { 204: emptyResponse('Nothing is left of the person.'), ...problemResponses(...ALWAYS, ...BODY_PROBLEMS, 'USER_NOT_FOUND') },
};

export const usersRoutes: FastifyPluginCallbackTypebox<UsersRoutesOptions> = (app, { access: { users } }, done) => {
  const { prefix } = app;
  app.addHook('onRequest', (_request, reply, next) => {
    reply.header('cache-control', 'no-store');
    next();
  });

  app.post('/users', { schema: createSchema }, async (request, reply) => {
    const { email, name, password, role = 'customer' } = request.body;
    const created = await users.create({ email, name, password, role });
    return reply.code(201).header('location', `${prefix}/users/${created.userId}`).send(userView(created));
  });

  app.get('/users/:user_id', { schema: readSchema }, async (request) => userView(await users.read(request.params.user_id)));

  app.get('/users', { schema: listSchema }, async (request) => {
    const { limit, cursor } = request.query;
    const after = cursor === undefined ? '' : readCursor(cursor, QUESTION, isUserId);
    const found = await users.listUsers(after, limit + 1);
    const page = found.slice(0, limit);
    return { users: page.map(userView), next_cursor: found.length > limit ? cursorOf(QUESTION, page.at(-1)!.userId) : null };
  });

  app.put('/users/:user_id', { schema: updateSchema }, async (request) =>
    userView(await users.update(request.params.user_id, request.body)),
  );

  app.delete('/users/:user_id', { schema: eraseSchema }, async (request, reply) => {
    await users.erase(request.params.user_id);
    return reply.code(204).send();
  });
  done();
};

const QUESTION = ['users'];
const isUserId = (at: unknown): at is string => typeof at === 'string' && ID.test(at);

const userView = ({ userId, email, name, role, createdAt }: User) => ({
  user_id: userId,
  email,
  name,
  role,
  created_at: iso(createdAt),
});
