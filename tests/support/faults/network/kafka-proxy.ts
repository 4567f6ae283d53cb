// tests/support/faults/network/kafka-proxy.ts: a fault proxy before a broker, for role processes.
// It answers as the broker under its own port, and a test judges single requests and responses: pass, lose, cut, delay, or another answer.

import { type FaultProxy, parseAddress, startFaultProxy } from './fault-proxy.ts';
import { METADATA, parseRequest, type Request, splitFrames, withPort } from './kafka-frames.ts';

/**
 * `cut`: the connection is reset instead. `lose`: it is dropped, the connection stays. `delayMs`: it passes that much later, and what
 * comes after it overtakes it. `answer`, for requests: the broker never sees it, the client gets this.
 */
export type Verdict = 'pass' | 'cut' | 'lose' | { delayMs: number } | { answer: Buffer };

export interface KafkaProxy extends FaultProxy {
  /** Asked before a request is passed to the broker. */
  onRequest(judge: (request: Request) => Verdict): void;
  /** Asked when the broker has answered: what was asked for has happened. May change the bytes of the response. */
  onResponse(judge: (response: Buffer, request: Request) => Verdict): void;
}

export const startKafkaProxy = async (broker: string): Promise<KafkaProxy> => {
  let judgeRequest: (request: Request) => Verdict = () => 'pass';
  let judgeResponse: (response: Buffer, request: Request) => Verdict = () => 'pass';
  let port = 0;

  const proxy = await startFaultProxy(broker, (ends) => {
    const asked = new Map<number, Request>();
    const carryOut = (verdict: Verdict, pass: () => void): void => {
      if (verdict === 'pass') pass();
      else if (verdict === 'cut') ends.cut();
      else if (verdict !== 'lose' && 'answer' in verdict) ends.toClient(verdict.answer);
      else if (verdict !== 'lose') setTimeout(pass, verdict.delayMs);
    };
    return {
      fromClient: splitFrames((frame) => {
        const request = parseRequest(frame);
        carryOut(judgeRequest(request), () => {
          // The bodies of appends are large and not needed any more.
          asked.set(request.correlationId, request.apiKey === METADATA ? { ...request, frame: Buffer.alloc(0) } : request);
          ends.toServer(frame);
        });
      }),
      fromServer: splitFrames((frame) => {
        const correlationId = frame.readInt32BE(4);
        const request = asked.get(correlationId);
        asked.delete(correlationId);
        if (request === undefined) throw new Error('The broker answered what nobody asked.');
        const response = withPort(frame, request, port);
        carryOut(judgeResponse(response, request), () => ends.toClient(response));
      }),
    };
  });
  port = parseAddress(proxy.address).port;
  return {
    ...proxy,
    heal: () => {
      judgeRequest = () => 'pass';
      judgeResponse = () => 'pass';
      proxy.heal();
    },
    onRequest: (judge) => {
      judgeRequest = judge;
    },
    onResponse: (judge) => {
      judgeResponse = judge;
    },
  };
};
