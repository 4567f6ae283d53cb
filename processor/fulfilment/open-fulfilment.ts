// processor/fulfilment/open-fulfilment.ts: opens the fulfilment that FULFILMENT names: the timed one, or the endpoint at FULFILMENT_URL.
// The timed one cannot fail.

import { Counter, Gauge, type Registry } from 'prom-client';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createOutage } from '../../shared/runtime/outage.ts';
import type { ProcessorConfig } from '../config.ts';
import { createFulfilmentAttempts } from './attempts.ts';
import { CIRCUIT_STATES, type CircuitState } from './circuit-breaker.ts';
import { type Fulfil, timedFulfilment } from './fulfilment.ts';
import { httpFulfilment } from './http-fulfilment.ts';

export interface OpenFulfilmentOptions {
  registry: Registry;
  clock: Clock;
  logger: Logger;
}

/** Connects nowhere yet. Throws CONFIG_INVALID. */
export const openFulfilment = (config: ProcessorConfig, { registry, clock, logger }: OpenFulfilmentOptions): Fulfil => {
  const { FULFILMENT: kind, FULFILMENT_URL: url, FULFILMENT_CONNECTIONS_MAX: connectionsMax } = config;
  refuseContradiction(kind, url);
  if (kind === 'timed') return timedFulfilment(config.PROCESSING_TIME_MS, clock);
  const registers = [registry];
  const attempts = new Counter({
    name: 'fulfilment_attempts_total',
    help: 'Attempts at the endpoint of fulfilment, by how they ended.',
    labelNames: ['outcome'],
    registers,
  });
  const circuit = new Gauge({
    name: 'fulfilment_circuit_state',
    help: '1 for the state that the circuit to the endpoint of fulfilment is in.',
    labelNames: ['state'],
    registers,
  });
  const show = (current: CircuitState): void => {
    for (const state of CIRCUIT_STATES) circuit.set({ state }, state === current ? 1 : 0);
  };
  show('closed');
  const outage = createOutage(logger, 'fulfilment by the endpoint');
  return createFulfilmentAttempts({
    attempt: httpFulfilment({
      url,
      timeoutMs: config.FULFILMENT_TIMEOUT_MS,
      connectionsMax,
      onStrangeReference: (orderId) =>
        logger.warn(
          { order_id: orderId },
          'the reference in the 202 of fulfilment is not 1 to 200 printable characters; going on without it',
        ),
    }),
    attemptsMax: config.FULFILMENT_ATTEMPTS_MAX,
    concurrency: connectionsMax, // those beyond would wait for a connection while their time-out runs
    backOff: { minMs: config.FULFILMENT_RETRY_MIN_MS, maxMs: config.FULFILMENT_RETRY_MAX_MS },
    clock,
    random: Math.random,
    onAttempt: (outcome) => attempts.inc({ outcome }),
    onCircuit: (state) => {
      show(state);
      if (state === 'open') outage.failed('it failed five times in a row'); // once: it is open again after each probe that failed
      if (state === 'closed') outage.over();
    },
  });
};

/** Neither of the two is guessed from the other: a URL that got lost, or a switch that was forgotten, would complete orders that no one fulfilled. */
const refuseContradiction = (kind: ProcessorConfig['FULFILMENT'], url: string): void => {
  const refuse = (sentence: string): never => {
    throw new AppError('CONFIG_INVALID', sentence);
  };
  if (kind === 'http' && url === '') refuse('FULFILMENT=http needs FULFILMENT_URL.');
  if (kind === 'timed' && url !== '')
    refuse('FULFILMENT_URL is set, but FULFILMENT is timed: set FULFILMENT=http, or remove FULFILMENT_URL.');
  if (url !== '' && !URL.canParse(url)) refuse('FULFILMENT_URL is not a URL.');
};
