// bench/system/access-off.ts: what an api that is measured is given for people and access.
// No client is asked who it is, as under `npm start`.

import type { AccountStore } from '../../api/access/accounts/account-store.ts';
import { accessSettings } from '../../api/access/settings.ts';

export const ACCESS_OFF = accessSettings({
  AUTH: 'off',
  JWT_SECRET: '',
  METRICS_TOKEN: '',
  RATE_LIMIT_PER_SECOND: 1,
  CORS_ORIGINS: '',
  TRUSTED_PROXIES: '',
});

/** Never asked for. */
export const NO_ACCOUNTS = {} as AccountStore;
