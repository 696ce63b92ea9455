/** A join request: the vectors say what is refused; here, that nothing bent is ever accepted. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeJoin, inviteKeyOf } from '../../src/trust/join.ts';
import { joinType } from '../../src/trust/limits.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import { joinFilter, parseJoinTopic, topics } from '../../src/trust/topics.ts';
import { verifyJoin } from '../../src/trust/verify-join.ts';
import type { InviteId, InviteSecret } from '../../src/trust/types.ts';
import { nodeIdOf } from '../../src/trust/words.ts';
import { envelopeOf, network, otherNetwork } from './network.ts';
import { invite, inviteKey, joiner, request, secret } from './vectors-of-joins.ts';

const node = nodeIdOf(joiner.key);
const good = envelopeOf(joinType, encodeJoin(request, inviteKey), [joiner]);
const verified = (bytes: Uint8Array) => verifyJoin(bytes, network, node, () => inviteKey);

test('says what was said, cut off nowhere and bent nowhere', () => {
  expect(verified(good)).toEqual(request);
  for (let length = 0; length < good.length; length += 1) {
    expect(isRefusal(verified(good.subarray(0, length))), `cut at ${length}`).toBe(true);
  }
  for (let at = 0; at < good.length; at += 1) {
    const bent = Uint8Array.from(good);
    bent[at] = (bent[at] ?? 0) ^ 1;
    expect(isRefusal(verified(bent)), `bent at ${at}`).toBe(true);
  }
});

test('any bytes give a refusal, and the key is asked for nothing that is not well formed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
      const refusal = verifyJoin(bytes, network, node, () => {
        throw new Error('wanted no question for a key');
      });
      expect(isRefusal(refusal)).toBe(true);
    }),
  );
});

test('the key of an invite is that of its secret, its network and itself alone', () => {
  const other = 'cd'.repeat(32) as InviteSecret;
  const keys = [
    inviteKey,
    inviteKeyOf(other, network, invite),
    inviteKeyOf(secret, otherNetwork, invite),
    inviteKeyOf(secret, network, 'f'.repeat(16) as InviteId),
  ];
  expect(new Set(keys).size).toBe(4);
  // HMAC-SHA256 as OpenSSL has it: printf 'rustynet invite key v1\n<network>\n<id>' | openssl mac -digest SHA256 ...
  expect(inviteKey).toBe('6b2835cae65107e3df61e079f84f9f1c9361793074169271db122b281cfd568a');
});

test('a topic tells whose request it holds', () => {
  expect(parseJoinTopic(network, topics.join(network, node))).toBe(node);
  expect(joinFilter(network)).toBe(`rustynet/1/${network}/join/+`);
  const others = [
    topics.join(otherNetwork, node),
    topics.status(network, node),
    `${topics.join(network, node)}/more`,
    topics.join(network, node).slice(0, -1),
    topics.join(network, node).toUpperCase(),
  ];
  for (const topic of others) expect(parseJoinTopic(network, topic), topic).toBeUndefined();
});
