// ops/local-stack/settings.ts: the variables of `npm start` itself. The roles parse their own; what is decided here (addresses,
// ports, AUTH) is handed to them through their environment.

import { type Static, Type } from 'typebox';
import { AppError } from '../../shared/runtime/app-error.ts';
import { isLoopback, KAFKA_SECURITY_VARIABLES, PORT, parseConfig, refuseUnprotected } from '../../shared/runtime/config.ts';

// 9092 and 5432 are where a broker or a database of the user's own would listen; these are seldom taken and, unlike the
// ports from 32768 on, never given to outgoing connections.
const KAFKA_PORT_DEFAULT = 19_092;
const POSTGRES_PORT_DEFAULT = 15_432;

export const START_VARIABLES = Type.Object({
  KAFKA_BROKERS: Type.String({ default: '', description: 'A broker that runs already; absent: one is started.' }),
  ...KAFKA_SECURITY_VARIABLES,
  DATABASE_URL: Type.String({ default: '', description: 'A database that runs already; absent: one is started.' }),
  BACKING_SERVICES: Type.Union([Type.Literal('auto'), Type.Literal('containers'), Type.Literal('local')], {
    default: 'auto',
    description: 'Where a broker and a database come from that are started.',
  }),
  HOST: Type.String({ default: '127.0.0.1' }),
  AUTH: Type.Union([Type.Literal('off'), Type.Literal('required')], { default: 'off' }),
  PORT: PORT(8080),
  PROCESSOR_PORT: PORT(9101),
  PROJECTOR_PORT: PORT(9102),
  KAFKA_PORT: PORT(KAFKA_PORT_DEFAULT),
  KAFKA_CONTROLLER_PORT: PORT(0),
  POSTGRES_PORT: PORT(POSTGRES_PORT_DEFAULT),
});
export type StartSettings = Readonly<Static<typeof START_VARIABLES>>;

/** An empty variable counts as unset. Throws CONFIG_INVALID for what is malformed, and for any address but loopback. */
export const readStartSettings = (env: NodeJS.ProcessEnv): StartSettings => {
  const given = Object.fromEntries(Object.entries(env).filter(([name, value]) => name in START_VARIABLES.properties && value !== ''));
  const settings = parseConfig(START_VARIABLES, given);
  refuseUnprotected(settings);
  if (!isLoopback(settings.HOST)) {
    throw new AppError(
      'CONFIG_INVALID',
      `npm start serves this machine only: leave HOST out, or run the roles by themselves on ${settings.HOST}.`,
    );
  }
  return settings;
};
