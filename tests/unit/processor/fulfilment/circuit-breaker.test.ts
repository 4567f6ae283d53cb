// When the endpoint of fulfilment as a whole is taken for broken. What follows for orders is in attempts.test.ts.

import { describe, expect, it } from 'vitest';
import { createCircuit } from '../../../../processor/fulfilment/circuit-breaker.ts';

const setUp = () => {
  const pauses: (() => void)[] = [];
  const circuit = createCircuit({
    clock: { now: () => 0, after: (_, callback) => void pauses.push(callback) },
    random: () => 0,
    onChange: () => {},
    onHalfOpen: () => {},
  });
  const fail = (...orderIds: string[]): void => {
    for (const orderId of orderIds) circuit.failed('attempt', orderId, 'order');
  };
  return { circuit, fail, endPause: () => pauses.shift()!() };
};

describe('the circuit', () => {
  it('opens when five attempts in a row have failed, of several orders', () => {
    const { circuit, fail } = setUp();
    fail('a', 'a', 'a', 'b');
    expect(circuit.state()).toBe('closed');
    fail('b');
    expect(circuit.state()).toBe('open');
  });

  it('hears nothing new from attempts that began before it opened', () => {
    const { circuit, fail, endPause } = setUp();
    fail('a', 'a', 'b', 'b', 'b');
    fail('c');
    endPause();
    fail('d');
    expect(circuit.state()).toBe('half_open');
    circuit.answered();
    fail('a', 'b', 'a', 'b');
    expect(circuit.state()).toBe('closed');
  });

  it('stays open for the whole of its pause, also when the one before it was cut short by an answer', () => {
    const { circuit, fail, endPause } = setUp();
    fail('a', 'a', 'b', 'b', 'b');
    circuit.answered();
    fail('a', 'a', 'b', 'b', 'b');
    endPause();
    expect(circuit.state()).toBe('open');
    endPause();
    expect(circuit.state()).toBe('half_open');
  });

  it('counts the failure of a probe, too, after an answer to another attempt has closed it', () => {
    const { circuit, fail, endPause } = setUp();
    fail('a', 'a', 'b', 'b', 'b');
    endPause();
    expect(circuit.admit()).toBe('probe');
    circuit.answered(); // an attempt that began before the circuit opened
    circuit.failed('probe', 'a', 'order');
    fail('b', 'b', 'b');
    expect(circuit.state()).toBe('closed');
    fail('b');
    expect(circuit.state()).toBe('open');
  });
});
