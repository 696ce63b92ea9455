/** Which notifications of procd and netifd ask for a run of the loop. */
import { expect, test } from 'vitest';
import { listen } from '../../src/control/news.ts';
import type { JsonObject, Ubus } from '../../src/control/ports.ts';

type Told = (event: string, data: JsonObject) => void;

function listening(): {
  readonly heard: string[];
  readonly tell: (object: string, event: string, data: JsonObject) => void;
} {
  const [heard, listeners]: [string[], Map<string, Told>] = [[], new Map()];
  const ubus = { subscribe: (object: string, told: Told) => void listeners.set(object, told) } as unknown as Ubus;
  listen(ubus, () => 'rn0', {
    settings: (isOurs) => heard.push(isOurs ? 'our settings' : 'settings'),
    networks: () => heard.push('networks'),
  });
  return { heard, tell: (object, event, data) => listeners.get(object)?.(event, data) };
}

test('settings that changed, ours and those of others; nothing else of procd', () => {
  const { heard, tell } = listening();
  tell('service', 'config.change', { config: 'rustynet' });
  tell('service', 'config.change', { config: 'network' });
  tell('service', 'instance.start', { config: 'rustynet' });
  expect(heard).toEqual(['our settings', 'settings']);
});

test.each([
  ['an uplink that comes', [['interface.update', 'wan']], 1],
  [
    'and tells of itself each few minutes',
    [
      ['interface.update', 'wan'],
      ['interface.update', 'wan'],
      ['interface.update', 'wan'],
    ],
    1,
  ],
  [
    'goes and comes again',
    [
      ['interface.update', 'wan'],
      ['interface.down', 'wan'],
      ['interface.update', 'wan'],
    ],
    3,
  ],
  [
    'our own, whatever it tells',
    [
      ['interface.update', 'rn0'],
      ['interface.update', 'rn0'],
    ],
    2,
  ],
])('%s', (_, told, runs) => {
  const { heard, tell } = listening();
  for (const [event = '', name = ''] of told) tell('network.interface', event, { interface: name });
  expect(heard).toHaveLength(runs);
});
