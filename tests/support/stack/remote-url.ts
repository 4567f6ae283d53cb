// tests/support/stack/remote-url.ts: where a service runs that tests which only speak HTTP may use (SERVICE_URL).
// For instance the one of docker-compose.yml. Undefined: each test file starts its own.

export const REMOTE_URL = process.env.SERVICE_URL;
