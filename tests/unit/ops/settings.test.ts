import { describe, expect, test } from 'vitest';
import { readStartSettings } from '../../../ops/stack/settings.ts';

describe('the variables of npm start', () => {
  test('has a default for everything, and takes an empty variable for an unset one', () => {
    const defaults = readStartSettings({});
    expect(defaults).toMatchObject({ AUTH: 'off', HOST: '127.0.0.1', PORT: 8080, PROCESSOR_PORT: 9101, PROJECTOR_PORT: 9102 });
    expect(readStartSettings({ PORT: '', KAFKA_BROKERS: '', AUTH: '' })).toEqual(defaults);
  });

  test('refuses AUTH=required in one sentence while access control is not there', () => {
    expect(() => readStartSettings({ AUTH: 'required' })).toThrow('AUTH=required is not available yet');
  });

  test('refuses to listen for others without access control', () => {
    expect(() => readStartSettings({ HOST: '0.0.0.0' })).toThrow('AUTH=off serves loopback only');
  });

  test('refuses what is not a port', () => {
    expect(() => readStartSettings({ KAFKA_PORT: '70000' })).toThrow('KAFKA_PORT');
  });
});
