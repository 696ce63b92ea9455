/** What the command line says in words, of what the daemon answered. */
import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/control/ports.ts';
import { joinText } from '../../src/text.ts';

const keys = { node: 'ab'.repeat(16), identity_key: 'id', wireguard_key: 'wg' };

test.each<[string, JsonObject, string]>([
  [
    'joined: what the operator must be told',
    { network: 'n', ...keys },
    `joined network n as node ${keys.node}; for the operator:\n  rustynet-operator member add NAME --identity id --wireguard wg`,
  ],
  [
    'joined by a one-time invite: whom the operator lets in',
    { network: 'n', invite: 'i', ...keys },
    `joined network n as node ${keys.node}; waits for the operator, who compares the node:\n  rustynet-operator approve i`,
  ],
  [
    'another broker: nothing is to be done',
    { network: 'n', broker: 'mqtts://b', ...keys },
    'its broker is mqtts://b now; all else of network n stays',
  ],
  [
    'another broker, of a router that waits',
    { network: 'n', broker: 'mqtts://b', invite: 'i', ...keys },
    'its broker is mqtts://b now; waits for the operator, who compares the node:\n  rustynet-operator approve i',
  ],
])('%s', (_, answer, text) => {
  expect(joinText(answer)).toBe(text);
});
