// api/http/app-prefix.ts: where the same routes are served a second time.

export const API_PREFIX = '/api';
