// ops/drill/caller.ts: the one user of a drill: without credentials where the service asks for none, else signed in.

import { randomBytes } from 'node:crypto';
import type { DrillStack } from './drill-stack.ts';

export interface Caller {
  /** For every request. */
  headers: () => Record<string, string>;
  /** Makes the account with the operator's command. */
  create: (stack: DrillStack) => Promise<void>;
  /** Shows email and password, and keeps the token. Rejects when they are not accepted. */
  signIn: (api: string) => Promise<void>;
  /** What a request with the credential that it has is answered with; none while nobody listens. */
  sees: (api: string) => Promise<string[]>;
}

const EMAIL = 'drill@example.com';

export const createCaller = (): Caller => {
  const password = randomBytes(18).toString('base64url');
  let token: string | null = null;
  const headers = (): Record<string, string> => (token === null ? {} : { authorization: `Bearer ${token}` });
  return {
    headers,
    create: async (stack) => {
      const account = ['--email', EMAIL, '--name', 'Drill', '--role', 'admin'];
      const { code, said } = await stack.orders(['create-user', ...account], { input: `${password}\n` });
      if (code !== 0) throw new Error(`The account could not be made: ${said}`);
    },
    signIn: async (api) => {
      const body = JSON.stringify({ email: EMAIL, password });
      const response = await fetch(`${api}/auth`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      const answer = (await response.json()) as { token?: string; detail?: string };
      if (answer.token === undefined) throw new Error(`Signing in was answered with ${response.status}: ${answer.detail}`);
      token = answer.token;
    },
    sees: async (api) => {
      try {
        const response = await fetch(`${api}/orders?limit=1`, { headers: headers() });
        const { detail = '' } = (await response.json()) as { detail?: string };
        return [`a client: ${response.status} ${detail}`];
      } catch {
        return [];
      }
    },
  };
};
