// npm run secrets: every secret once, none replaced.

import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { withSecrets } from '../../../ops/secrets.ts';

describe('the secrets of .env', () => {
  it('are all made for an empty file, long enough, and different each time', () => {
    const [one, two] = [withSecrets(''), withSecrets('')];
    expect(one.added).toEqual(['JWT_SECRET', 'METRICS_TOKEN', 'POSTGRES_PASSWORD', 'GRAFANA_ADMIN_PASSWORD', 'KAFKA_CLUSTER_ID']);
    for (const name of one.added) expect(parseEnv(one.text)[name]).not.toBe(parseEnv(two.text)[name]);
    expect(Buffer.byteLength(parseEnv(one.text).JWT_SECRET!)).toBeGreaterThanOrEqual(32);
  });

  it('are kept when they are there, like everything else in the file', () => {
    const text = '# ours\nPORT=8081\nJWT_SECRET=kept-kept-kept-kept-kept-kept-kept\nMETRICS_TOKEN=';
    const { text: after, added } = withSecrets(text);
    expect(after.startsWith(`${text}\n`)).toBe(true);
    expect(added).not.toContain('JWT_SECRET');
    expect(parseEnv(after)).toMatchObject({
      PORT: '8081',
      JWT_SECRET: 'kept-kept-kept-kept-kept-kept-kept',
      METRICS_TOKEN: expect.stringMatching(/.{16}/),
    });
    expect(withSecrets(after)).toEqual({ text: after, added: [] });
  });
});
