// tests/support/stack/remote-url.ts: tests that only speak HTTP run against a service that is there already too (SERVICE_URL), for
// instance the one of docker-compose.yml. Undefined: each test file starts its own.

export const REMOTE_URL = process.env.SERVICE_URL;
