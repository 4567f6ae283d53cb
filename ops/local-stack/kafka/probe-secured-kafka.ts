// ops/local-stack/kafka/probe-secured-kafka.ts: does a secured broker serve us? The counterpart of probe-kafka.ts for TLS and SASL, by the client
// and the variables that the roles will use.

import { Type } from 'typebox';
import { createLogClient } from '../../../shared/log/connect/client.ts';
import { kafkaConnection } from '../../../shared/log/connect/connection.ts';
import { KAFKA_SECURITY_VARIABLES, type KafkaSecurity, parseConfig } from '../../../shared/runtime/config.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';

/** An empty variable counts as unset. Throws CONFIG_INVALID. */
export const kafkaSecurityIn = (env: NodeJS.ProcessEnv): KafkaSecurity =>
  parseConfig(
    Type.Object(KAFKA_SECURITY_VARIABLES),
    Object.fromEntries(Object.entries(env).filter(([name, value]) => name in KAFKA_SECURITY_VARIABLES && value !== '')),
  );

export const isSecured = ({ KAFKA_TLS: tls, KAFKA_SASL_MECHANISM: mechanism }: KafkaSecurity): boolean => tls === 'on' || mechanism !== '';

/** False while no broker answers. Throws SECURITY_MISMATCH, which no waiting heals, and CONFIG_INVALID. */
export const kafkaLetsIn = async (brokers: string, security: KafkaSecurity): Promise<boolean> => {
  const connection = kafkaConnection({ ...security, KAFKA_BROKERS: brokers });
  const client = createLogClient({ ...connection, clientId: 'orders-start', logger: createLogger('start', 'silent') });
  try {
    await client.withAdmin((admin) => admin.describeCluster());
    return true;
  } catch (error) {
    const mismatch = await client.securityMismatch(error);
    if (mismatch !== null) throw mismatch;
    return false;
  }
};
