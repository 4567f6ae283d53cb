// ops/health-check/main.ts: is the role in this container ready? Exit code 0 or 1, and the reason. A container runs one role, so
// whichever of the three ports answers is its own.

const { PORT = '8080', PROCESSOR_PORT = '9101', PROJECTOR_PORT = '9102' } = process.env;
const ANSWER_LIMIT_MS = 3_000; // below the time-out of the image's HEALTHCHECK

const ask = async (port: string): Promise<{ ok: boolean; body: string }> => {
  const response = await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
  return { ok: response.ok, body: await response.text() };
};

try {
  const { ok, body } = await Promise.any([PORT, PROCESSOR_PORT, PROJECTOR_PORT].map(ask));
  console.log(body);
  process.exitCode = ok ? 0 : 1;
} catch {
  console.log('Nothing answers yet.');
  process.exitCode = 1;
}
