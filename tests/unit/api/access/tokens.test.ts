// Tokens: only ours, only for what they were made for, only while they last.

import { createSecretKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { createTokens, TICKET_LIFETIME_S, TOKEN_LIFETIME_S } from '../../../../api/access/tokens.ts';

const SECRET = 'a secret of more than thirty-two bytes';
const ADA = { id: 'ada', version: 3 };

const start = (secret = SECRET) => {
  let now = Date.parse('2026-11-21T10:00:00.000Z');
  const tokens = createTokens(secret, () => now);
  const pass = (seconds: number): void => {
    now += seconds * 1000;
  };
  return { tokens, now: () => now, pass };
};

/** A token made by somebody who may know more than they should. */
const forged = (changes: {
  alg?: string;
  iss?: string;
  aud?: string;
  typ?: string;
  exp?: number;
  iat?: number;
  secret?: string;
  sub?: string | null;
}) => {
  const { alg = 'HS256', iss = 'order-service', aud = 'api', typ = 'JWT', secret = SECRET, sub = 'ada' } = changes;
  const now = Date.parse('2026-11-21T10:00:00.000Z') / 1000;
  const token = new SignJWT({ ver: 3 })
    .setProtectedHeader({ alg, typ })
    .setIssuer(iss)
    .setAudience(aud)
    .setIssuedAt(changes.iat ?? now)
    .setExpirationTime(changes.exp ?? now + 60);
  if (sub !== null) token.setSubject(sub);
  return token.sign(createSecretKey(Buffer.from(secret.padEnd(64, 'x').slice(0, alg === 'HS256' ? secret.length : 64))));
};

describe('a token', () => {
  it('stands for its caller for 15 minutes and not longer, remembered or not', async () => {
    const { tokens, now, pass } = start();
    const token = await tokens.issue(ADA);
    const expected = { ...ADA, expiresAt: now() + TOKEN_LIFETIME_S * 1000 };
    expect(await tokens.verify(token)).toEqual(expected);
    pass(TOKEN_LIFETIME_S - 1);
    expect(tokens.verify(token)).toEqual(expected); // at once: it was seen before
    pass(1);
    expect(await tokens.verify(token)).toBeNull();
    const { tokens: another, pass: later } = start();
    later(TOKEN_LIFETIME_S);
    expect(await another.verify(token)).toBeNull();
  });

  it('is good on every instance with the same secret, and on no other', async () => {
    const token = await start().tokens.issue(ADA);
    expect(await start().tokens.verify(token)).toMatchObject(ADA);
    expect(await start('another secret of more than thirty-two bytes').tokens.verify(token)).toBeNull();
  });

  it('that is made as we make them is taken: what follows differs in one thing each', async () => {
    expect(await start().tokens.verify(await forged({}))).toMatchObject(ADA);
  });

  it.each([
    ['another algorithm', { alg: 'HS512' }],
    ['another issuer', { iss: 'somebody' }],
    ['the audience of tickets', { aud: 'feed' }],
    ['another type', { typ: 'at+jwt' }],
    ['another secret', { secret: 'z'.repeat(40) }],
    ['a longer life than we give', { iat: 1_000_000_000, exp: 4_000_000_000 }],
    ['no subject', { sub: null }],
  ])('with %s is nobody', async (_what, changes) => {
    expect(await start().tokens.verify(await forged(changes))).toBeNull();
  });

  it.each([
    [
      'an unsigned token',
      () => `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${Buffer.from('{"sub":"ada"}').toString('base64url')}.`,
    ],
    ['nothing', () => ''],
    ['dots', () => '..'],
    ['noise', () => 'x'.repeat(500)],
    ['a megabyte', () => 'x'.repeat(1_000_000)],
  ])('%s is nobody', async (_what, make) => {
    expect(await start().tokens.verify(make())).toBeNull();
  });

  it('that was changed in any one place is nobody', async () => {
    const { tokens } = start();
    const token = await tokens.issue(ADA);
    for (let at = 0; at < token.length - 1; at += 7) {
      const other = token[at] === 'A' ? 'B' : 'A';
      expect(await tokens.verify(`${token.slice(0, at)}${other}${token.slice(at + 1)}`), `changed at ${at}`).toBeNull();
    }
  });
});

describe('a ticket', () => {
  it('opens the feed for 30 seconds, and carries when its credential ends', async () => {
    const { tokens, pass } = start();
    const issue = () => tokens.issueTicket({ ...ADA, expiresAt: 1_800_000_000_000 });
    const [ticket, late] = [await issue(), await issue()];
    pass(TICKET_LIFETIME_S - 1);
    expect(await tokens.verifyTicket(ticket)).toEqual({ ...ADA, expiresAt: 1_800_000_000_000 });
    pass(1);
    expect(await tokens.verifyTicket(late)).toBeNull();
    expect(await tokens.verifyTicket(await tokens.issueTicket({ ...ADA, expiresAt: null }))).toEqual({ ...ADA, expiresAt: null });
  });

  it('opens it once on an instance, whenever it comes again', async () => {
    const { tokens, pass } = start();
    const issue = () => tokens.issueTicket({ ...ADA, expiresAt: null });
    for (let n = 0; n < 10; n += 1) {
      const [ticket, other] = [await issue(), await issue()];
      const shown = await Promise.all(Array.from({ length: 5 }, () => tokens.verifyTicket(ticket)));
      expect(shown.filter((bearer) => bearer !== null)).toHaveLength(1);
      pass(TICKET_LIFETIME_S - 1);
      expect(await tokens.verifyTicket(ticket)).toBeNull();
      expect(await tokens.verifyTicket(other)).toMatchObject(ADA);
    }
  });

  it('without an id of its own opens nothing', async () => {
    expect(await start().tokens.verifyTicket(await forged({ aud: 'feed' }))).toBeNull();
  });

  it('opens nothing else, and a token is no ticket', async () => {
    const { tokens } = start();
    expect(await tokens.verify(await tokens.issueTicket({ ...ADA, expiresAt: null }))).toBeNull();
    expect(await tokens.verifyTicket(await tokens.issue(ADA))).toBeNull();
  });
});
