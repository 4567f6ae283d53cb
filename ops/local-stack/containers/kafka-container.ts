// ops/local-stack/containers/kafka-container.ts: the broker of kafka-broker.ts in a container of Kafka's own image.

import { GenericContainer } from 'testcontainers';
import { BROKER_HEAP_FLAGS, BROKER_SETTINGS } from '../kafka/kafka-settings.ts';
import { LOOPBACK } from '../ports.ts';
import { publishOnLoopback } from './loopback.ts';

export interface KafkaContainerOptions {
  image: string;
  port: number;
  clusterId: string;
  /** Null: the log ends with the container. */
  volume: string | null;
}

const DATA = '/var/lib/kafka/data';
const CONTROLLER_PORT = 9093; // inside; where KAFKA_PORT is the same, the next one

// testcontainers lets its subclasses alone say on which address a port is published.
class LoopbackContainer extends GenericContainer {
  protected override async beforeContainerCreated(): Promise<void> {
    publishOnLoopback(this.hostConfig);
  }
}

/**
 * The broker listens inside on the port that it has outside: the address that it gives to clients is right for both, without a
 * listener for each and without knowing the port only after the start.
 */
export const kafkaContainer = ({ image, port, clusterId, volume }: KafkaContainerOptions): GenericContainer => {
  const controllerPort = port === CONTROLLER_PORT ? CONTROLLER_PORT + 1 : CONTROLLER_PORT;
  const settings = {
    ...BROKER_SETTINGS,
    'controller.quorum.voters': `1@${LOOPBACK}:${controllerPort}`,
    listeners: `BROKER://:${port},CONTROLLER://${LOOPBACK}:${controllerPort}`,
    'advertised.listeners': `BROKER://${LOOPBACK}:${port}`,
    'log.dirs': DATA,
  };
  const container = new LoopbackContainer(image)
    .withExposedPorts({ container: port, host: port })
    .withEnvironment(Object.fromEntries(Object.entries(settings).map(([key, value]) => [variableOf(key), String(value)])))
    .withEnvironment({
      CLUSTER_ID: clusterId,
      KAFKA_HEAP_OPTS: BROKER_HEAP_FLAGS.join(' '),
      KAFKA_LOG4J_ROOT_LOGLEVEL: 'WARN', // as the local broker's log: for diagnosis
    });
  return volume === null ? container : container.withBindMounts([{ source: volume, target: DATA }]);
};

/** As the image's documentation has it: dots become underscores. */
const variableOf = (setting: string): string => `KAFKA_${setting.replaceAll('.', '_').toUpperCase()}`;
