// shared/log/connect/connection.ts: the connection to Kafka as the variables describe it, checked as a whole: TLS, certificates, SASL.
// Read once, at the start. Connections share one TLS context, so that no certificate is parsed again.

import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { AppError } from '../../runtime/app-error.ts';
import { isLoopback, type KafkaSecurity } from '../../runtime/config.ts';
import type { LogClientOptions } from './client.ts';

type KafkaVariables = KafkaSecurity & { readonly KAFKA_BROKERS: string };

/** Throws CONFIG_INVALID with one sentence: a file that cannot be used, or variables that do not fit together. */
export const kafkaConnection = (variables: KafkaVariables): Pick<LogClientOptions, 'brokers' | 'ssl' | 'sasl'> => {
  const brokers = variables.KAFKA_BROKERS.split(',').map((broker) => broker.trim());
  const sasl = saslOf(variables);
  if (variables.KAFKA_TLS === 'on') {
    const ssl = { secureContext: secureContextOf(variables), rejectUnauthorized: true };
    return { brokers, ssl, ...(sasl && { sasl }) };
  }
  for (const name of ['KAFKA_CA_FILE', 'KAFKA_CERT_FILE', 'KAFKA_KEY_FILE'] as const) {
    if (variables[name] !== '') refuse(`${name} is set, but KAFKA_TLS is off.`);
  }
  // PLAIN sends the password as it is; SCRAM only proves that it is known.
  if (sasl?.mechanism === 'plain' && !brokers.every((broker) => isLoopback(hostOf(broker)))) {
    refuse('KAFKA_SASL_MECHANISM=PLAIN would send the password in the clear: set KAFKA_TLS=on, or use SCRAM-SHA-512.');
  }
  return { brokers, ...(sasl && { sasl }) };
};

const hostOf = (broker: string): string => broker.replace(/:\d+$/, '');

const secureContextOf = ({ KAFKA_CA_FILE: ca, KAFKA_CERT_FILE: cert, KAFKA_KEY_FILE: key }: KafkaVariables): SecureContext => {
  if ((cert === '') !== (key === '')) refuse('KAFKA_CERT_FILE and KAFKA_KEY_FILE belong together: one of them is missing.');
  const files = {
    ...(ca === '' ? {} : { ca: contentOf('KAFKA_CA_FILE', ca) }),
    ...(cert === '' ? {} : { cert: contentOf('KAFKA_CERT_FILE', cert), key: contentOf('KAFKA_KEY_FILE', key) }),
  };
  try {
    return createSecureContext(files);
  } catch (error) {
    return refuse(`The certificates for Kafka cannot be used: ${(error as Error).message}.`, error);
  }
};

const contentOf = (name: string, path: string): string => {
  try {
    const content = readFileSync(path, 'utf8');
    // Without this a file that holds something else would be no authority at all, and every broker unknown.
    if (!content.includes('-----BEGIN ')) refuse(`${name} names a file that is not PEM: ${path}.`);
    return content;
  } catch (error) {
    if (error instanceof AppError) throw error;
    return refuse(`${name} names a file that cannot be read: ${(error as Error).message}.`, error);
  }
};

const saslOf = (variables: KafkaVariables): LogClientOptions['sasl'] => {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = variables;
  if (mechanism === '') {
    return username === '' && password === ''
      ? undefined
      : refuse('KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD needs KAFKA_SASL_MECHANISM.');
  }
  if (username === '' || password === '') refuse(`KAFKA_SASL_MECHANISM=${mechanism} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.`);
  const names = { PLAIN: 'plain', 'SCRAM-SHA-256': 'scram-sha-256', 'SCRAM-SHA-512': 'scram-sha-512' } as const;
  return { mechanism: names[mechanism], username, password } as LogClientOptions['sasl'];
};

const refuse = (sentence: string, cause?: unknown): never => {
  throw new AppError('CONFIG_INVALID', sentence, cause);
};
