// tests/simulation/clients/keyed-answers.ts: what commands with a key are held to.
// The first request of a key is the one that counts, and its first answer in the log is what every repetition hears.

import type { Commanded, OrderCommand } from '../../../api/orders/requested-change.ts';
import { keyedRequest } from '../../../api/requests/keyed-request.ts';
import type { World } from '../world.ts';

export interface KeyedAnswers {
  /** Call when the command is sent; what it returns, when it is answered. */
  send: (command: OrderCommand) => (commanded: Commanded) => void;
}

const UNSETTLED = new Set<Commanded['outcome']>(['pending', 'unknown', 'not_found', 'key_reused']);

export const createKeyedAnswers = ({ sim, truth }: World): KeyedAnswers => {
  /** What each attempt asks for. */
  const asked = new Map<string, string>();
  /** By request: the answer of the log, as a client was told it first. */
  const heard = new Map<string, string>();

  const check = (command: OrderCommand, requestId: string, heardBefore: string | undefined, commanded: Commanded): void => {
    const what = `the key ${command.idempotencyKey} of ${command.orderId}`;
    const request = truth.requests.get(requestId);
    const first = request && truth.events[request.partition]![request.offset];
    const isOurs = first?.event.correlationId != null && asked.get(first.event.correlationId) === commandOf(command);
    if (commanded.outcome === 'key_reused' && (first === undefined || isOurs))
      sim.violate(`${what} is said to be used for another command`);
    if (commanded.outcome === 'pending') {
      const { event } = truth.events[commanded.place.partition]![commanded.place.offset] ?? {};
      if (event?.id !== requestId && event?.causationId !== requestId)
        sim.violate(`${what} is said to be asked where the log has another request`);
    }
    if (UNSETTLED.has(commanded.outcome)) return;
    const { replayed: _replayed, ...told } = commanded as Extract<Commanded, { replayed: boolean }>;
    const text = JSON.stringify(told);
    const answer = request?.answers[0];
    const isRecorded = answer !== undefined && told.place?.partition === answer.partition && told.place.offset === answer.offset;
    if (isRecorded && !isOurs) sim.violate(`${what} is answered with what another command came to`);
    if (told.outcome === 'applied' && !isRecorded) sim.violate(`${what} is said to be done, not by the first answer of the log`);
    if (heardBefore !== undefined && heardBefore !== text && isOurs) sim.violate(`${what} was answered ${heardBefore}, then ${text}`);
    if (!isRecorded) return;
    if (heard.has(requestId) && heard.get(requestId) !== text) sim.violate(`${what} was answered ${heard.get(requestId)}, then ${text}`);
    heard.set(requestId, text);
  };

  return {
    send: (command) => {
      const { caller, idempotencyKey, orderId, correlationId } = command;
      asked.set(correlationId!, commandOf(command));
      if (idempotencyKey === null) return () => {};
      const { requestId } = keyedRequest({ caller, key: idempotencyKey, of: 'order', id: orderId }, []);
      const heardBefore = heard.get(requestId);
      return (commanded) => check(command, requestId, heardBefore, commanded);
    },
  };
};

const commandOf = ({ asked, ifMatch }: OrderCommand): string => JSON.stringify([asked, ifMatch]);
