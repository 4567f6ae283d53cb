// api/routes/conditional-reads.ts: what the reading routes share: waiting for a Consistency-Token, and ETags.

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Order } from '../../shared/order/order.ts';
import { Problem } from '../http/problems.ts';
import type { Consistency } from '../reads/consistency.ts';

/** Waits for the token of `?after=` or of the request header, if there is one, and says so when it was in vain. */
export const awaitToken = async (
  request: FastifyRequest,
  reply: FastifyReply,
  consistency: Consistency,
  by: 'order' | 'rows',
): Promise<void> => {
  const given = (request.query as { after?: string }).after ?? request.headers['consistency-token'];
  if (given === undefined) return;
  if (typeof given !== 'string') throw new Problem('INVALID_TOKEN', 'Send one Consistency-Token.');
  if (!(await consistency.reached(given, by))) reply.header('consistency', 'stale');
};

/** Orders may be kept by their reader, but must be asked for again each time: the answer is 304 then. */
export const PRIVATE = 'private, no-cache';

export const etagOf = ({ version }: Order): string => `"v${version}"`;
