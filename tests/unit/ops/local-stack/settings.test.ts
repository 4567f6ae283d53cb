import { describe, expect, test } from 'vitest';
import { readStartSettings } from '../../../../ops/local-stack/settings.ts';

describe('the variables of npm start', () => {
  test('has a default for everything, and takes an empty variable for an unset one', () => {
    const defaults = readStartSettings({});
    expect(defaults).toMatchObject({ AUTH: 'off', HOST: '127.0.0.1', PORT: 8080, PROCESSOR_PORT: 9101, PROJECTOR_PORT: 9102 });
    expect(readStartSettings({ PORT: '', KAFKA_BROKERS: '', AUTH: '' })).toEqual(defaults);
  });

  test('takes AUTH=required, which the roles are then given', () => {
    expect(readStartSettings({ AUTH: 'required' }).AUTH).toBe('required');
  });

  test('refuses to listen for others without access control', () => {
    expect(() => readStartSettings({ HOST: '0.0.0.0' })).toThrow('AUTH=off serves loopback only');
    expect(() => readStartSettings({ HOST: '0.0.0.0', AUTH: 'required' })).toThrow('npm start serves this machine only');
  });

  test('refuses what is not a port', () => {
    expect(() => readStartSettings({ KAFKA_PORT: '70000' })).toThrow('KAFKA_PORT');
  });
});
