// shared/log/connect/security-mismatch.ts: why we cannot connect to Kafka: credentials, a certificate, TLS or SASL on one side only.
// Said at the start of a role and by the operator's tools. A process that runs already tries again: for it the cause may pass.

import type { ISocketFactory, KafkaConfig } from 'kafkajs';
import { AppError } from '../../runtime/app-error.ts';
import { isTlsError } from '../../runtime/tls-errors.ts';
import { type Listener, type OpenListener, probeListener } from './listener.ts';

export interface ConnectionUnderTest {
  brokers: readonly string[];
  ssl: KafkaConfig['ssl'];
  sasl: KafkaConfig['sasl'];
  socketFactory: ISocketFactory;
}

/** What the error says, else what the brokers' listeners answer when they are asked; null when neither explains it. Never rejects. */
export const findMismatch = async (
  { brokers, ssl, sasl, socketFactory }: ConnectionUnderTest,
  error: unknown,
): Promise<AppError | null> => {
  const said = mismatchIn(error);
  if (said !== null || !isLostConnection(error)) return said;
  const ours = { tls: ssl !== undefined, sasl: sasl !== undefined };
  const asked = brokers.map(async (broker) => {
    const [host, port] = broker.split(':') as [string, string];
    const options = typeof ssl === 'object' ? ssl : {};
    // Nothing is sent that the wrong listener must not see, so it need not say who it is.
    const tls = { ...options, rejectUnauthorized: false };
    const open: OpenListener = (withTls, onConnect) =>
      socketFactory({ host, port: Number(port), ssl: withTls ? tls : (undefined as never), onConnect });
    const listener = await probeListener(open, ours);
    return listener && mismatchBy(listener, ours, error);
  });
  return (await Promise.all(asked)).find((mismatch) => mismatch !== null) ?? null;
};

const isLostConnection = (error: unknown): boolean =>
  error instanceof Error && /Connection|connection|disconnected/.test(`${error.name} ${error.message}`);

/** What the error or one of its causes says by itself; null when it says nothing, like a connection that was closed. */
const mismatchIn = (error: unknown): AppError | null => {
  for (const cause of causesOf(error)) {
    if (cause instanceof AppError && cause.code === 'SECURITY_MISMATCH') return cause;
    const { type } = cause as Error & { type?: string };
    if (type === 'ILLEGAL_SASL_STATE') return mismatchOf('it does not use SASL there: leave KAFKA_SASL_MECHANISM out', error);
    if (cause.name === 'KafkaJSSASLAuthenticationError' || type?.includes('SASL')) return mismatchOf(cause.message, error);
    if (isTlsError(cause)) return mismatchOf(cause.message, error);
  }
  return null;
};

/** What a listener that speaks otherwise than we do calls for. */
const mismatchBy = (listener: Listener, ours: { tls: boolean; sasl: boolean }, error: unknown): AppError | null => {
  if (listener.tls && !ours.tls) return mismatchOf('it speaks TLS there: set KAFKA_TLS=on', error);
  if (!listener.tls && ours.tls) return mismatchOf('it does not speak TLS there: leave KAFKA_TLS out', error);
  if (listener.sasl && !ours.sasl) return mismatchOf('it asks for credentials there: set KAFKA_SASL_MECHANISM', error);
  if (listener.sasl === false && ours.sasl) return mismatchOf('it does not use SASL there: leave KAFKA_SASL_MECHANISM out', error);
  return null;
};

const mismatchOf = (reason: string, cause: unknown): AppError =>
  new AppError('SECURITY_MISMATCH', `Cannot connect to Kafka: ${reason.replace(/\.$/, '')}.`, cause);

const CAUSES_MAX = 10; // kafkajs wraps twice, we once

const causesOf = (error: unknown): Error[] => {
  const causes: Error[] = [];
  for (let cause = error; cause instanceof Error && causes.length < CAUSES_MAX; cause = cause.cause) causes.push(cause);
  return causes;
};
