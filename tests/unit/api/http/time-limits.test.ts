// The limits that Node keeps for us on the time of a connection: how long a request may take to come, and how long a transfer may stand still.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { createLongTransfers } from '../../../../api/http/long-transfers.ts';
import { startApiInMemory } from '../../../support/in-memory/api.ts';

describe('the time of a connection', () => {
  it('a request may take 30 s to come', async () => {
    const api = await startApiInMemory({ start: false });
    expect(api.app.server.requestTimeout).toBe(30_000);
    await api.stop();
  });

  it('a long transfer is closed when nothing has moved for 60 s, and has no limit otherwise', () => {
    const limits: number[] = [];
    const socket = { setTimeout: (ms: number) => limits.push(ms) };
    const transfers = createLongTransfers();
    const reply = { raw: { once: () => {} } } as unknown as FastifyReply;
    transfers.begin({ raw: { socket } } as unknown as FastifyRequest, reply);
    expect(limits).toEqual([60_000]);
    expect(transfers.isLong(socket as never)).toBe(true);
  });
});
