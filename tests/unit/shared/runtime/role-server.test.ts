// The small server beside a role: what Prometheus and an orchestrator get to see.

import { Gauge, Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRoleServer, type RoleServer } from '../../../../shared/runtime/role-server.ts';

let server: RoleServer;
let missing: string | null;

beforeEach(async () => {
  missing = null;
  const registry = new Registry();
  new Gauge({ name: 'answer', help: 'The answer.', registers: [registry] }).set(42);
  server = createRoleServer({
    host: '127.0.0.1',
    port: 0,
    registry,
    metricsToken: null,
    checks: { database: () => missing, log: () => null },
  });
  await server.start();
});
afterEach(() => server.stop());

const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server.port()}${path}`, init);

describe('the role server', () => {
  it('shows the metrics', async () => {
    const response = await get('/metrics');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/plain');
    expect(await response.text()).toContain('answer 42');
  });

  it('is live and ready while every check holds', async () => {
    expect((await get('/health/live')).status).toBe(200);
    const response = await get('/health/ready?from=probe');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok', checks: { database: { ok: true }, log: { ok: true } } });
  });

  it('is live but not ready when a check fails, and says which', async () => {
    missing = 'the database is away';
    expect((await get('/health/live')).status).toBe(200);
    const response = await get('/health/ready');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      status: 'unavailable',
      checks: { database: { ok: false, detail: 'the database is away' } },
    });
  });

  it('has nothing else, and changes nothing', async () => {
    expect((await get('/')).status).toBe(404);
    expect((await get('/health')).status).toBe(404);
    const response = await get('/metrics', { method: 'POST' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await get('/metrics', { method: 'HEAD' })).status).toBe(200);
  });

  it('says so when its port is taken', async () => {
    const second = createRoleServer({ host: '127.0.0.1', port: server.port(), registry: new Registry(), metricsToken: null, checks: {} });
    await expect(second.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('/metrics with access control', () => {
  const served = async (metricsToken: string, authorization?: string) => {
    const closed = createRoleServer({ host: '127.0.0.1', port: 0, registry: new Registry(), metricsToken, checks: {} });
    await closed.start();
    try {
      const url = `http://127.0.0.1:${closed.port()}`;
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const [metrics, live] = await Promise.all([fetch(`${url}/metrics`, { headers }), fetch(`${url}/health/live`)]);
      expect(live.status).toBe(200);
      await Promise.all([metrics.text(), live.text()]);
      return metrics;
    } finally {
      await closed.stop();
    }
  };

  it('is for who shows the token', async () => {
    expect((await served('scraper-token-0001', 'Bearer scraper-token-0001')).status).toBe(200);
  });

  it.each([
    ['nothing', 'scraper-token-0001', undefined],
    ['another token', 'scraper-token-0001', 'Bearer scraper-token-0002'],
    ['an empty token where none is set', '', 'Bearer '],
  ])('refuses %s', async (_what, token, authorization) => {
    const answer = await served(token, authorization);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="metrics"');
  });
});
