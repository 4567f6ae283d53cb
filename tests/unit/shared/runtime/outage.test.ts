// What is tried again says once that it fails and once that it works again.

import { describe, expect, it } from 'vitest';
import { createLogOutage } from '../../../../shared/log/connect/log-outage.ts';
import { createOutage, reasonOf } from '../../../../shared/runtime/outage.ts';

const recorder = () => {
  const lines: { level: string; message: string; fields: Record<string, unknown> }[] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, message, fields: { ...fields } });
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const told = () => lines.filter(({ level }) => level !== 'debug').map(({ level, message }) => `${level}: ${message}`);
  return { lines, logger, told };
};

describe('an outage', () => {
  it('is said when it begins, with its cause and without a stack, and when it is over, with what it came to', () => {
    const { lines, logger, told } = recorder();
    let now = 0;
    const outage = createOutage(logger, 'appending', { now: () => now });
    outage.over(); // nothing has failed yet
    for (let attempt = 1; attempt <= 400; attempt += 1) {
      outage.failed(new Error('no answer', { cause: new Error('read ECONNRESET') }), { order_id: `order-${attempt}` });
      now += 10;
    }
    outage.over();
    outage.over();
    expect(told()).toEqual(['warn: appending fails; trying again', 'info: appending works again']);
    expect(lines[0]!.fields).toEqual({ outage: 'appending', reason: 'no answer ← read ECONNRESET', order_id: 'order-1' });
    expect(lines.at(-1)!.fields).toEqual({ outage: 'appending', attempts: 400, seconds: 4 });
  });

  it('keeps the stacks of the other attempts for LOG_LEVEL=debug', () => {
    const { lines, logger } = recorder();
    const outage = createOutage(logger, 'appending');
    const error = new Error('no answer');
    for (let attempt = 0; attempt < 3; attempt += 1) outage.failed(error);
    expect(lines.slice(1)).toEqual(
      [2, 3].map((attempts) => ({ level: 'debug', message: 'appending fails', fields: { err: error, attempts } })),
    );
  });

  it('that goes on and off within a second is one', () => {
    const { logger, told } = recorder();
    let now = 0;
    const outage = createOutage(logger, 'appending', { now: () => now });
    const flap = () => {
      outage.failed(new Error('no answer'));
      outage.over();
    };
    for (now = 0; now < 1_000; now += 100) flap();
    expect(told()).toHaveLength(2);
    now = 2_000;
    flap();
    expect(told()).toHaveLength(4);
  });

  it('that goes on after such a second is said', () => {
    const { logger, told } = recorder();
    let now = 0;
    const outage = createOutage(logger, 'appending', { now: () => now });
    outage.failed(new Error('one'));
    outage.over();
    for (now = 100; now <= 1_200; now += 100) outage.failed(new Error('two'));
    expect(told().at(-1)).toBe('warn: appending fails; trying again');
    expect(told()).toHaveLength(3);
  });

  it('of Kafka that comes with every start is no warning', () => {
    const { logger, told } = recorder();
    createLogOutage(logger, 'membership of the group').failed(new Error('The group coordinator is not available'));
    createLogOutage(logger, 'reading').failed(new Error('read ECONNRESET'));
    expect(told()).toEqual(['info: membership of the group fails; trying again', 'warn: reading fails; trying again']);
  });
});

describe('the reason of an error', () => {
  it('is what it and its causes say, each sentence once', () => {
    const refused = new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')]);
    expect(reasonOf(new Error('away: read ECONNRESET', { cause: new Error('read ECONNRESET') }))).toBe('away: read ECONNRESET');
    expect(reasonOf(new Error('away', { cause: refused }))).toBe('away ← connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1');
    expect(reasonOf('a string')).toBe('a string');
  });
});
