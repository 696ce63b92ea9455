/**
 * Asks to be let in by a one-time invite. In: the invite as the vault keeps it, and each run of the loop. Out: a retained
 * join request on MQTT, said anew to each broker that is reached and every ten minutes, because brokers forget and
 * operators clear what they have read, until a map has this router; then the invite is deleted and the request taken back.
 */
import { encodeEnvelope, pae } from '../trust/dsse.ts';
import { encodeJoin } from '../trust/join.ts';
import { joinType } from '../trust/limits.ts';
import { topics } from '../trust/topics.ts';
import type { InviteId, InviteKey, NetworkId } from '../trust/types.ts';
import { keyIdOf, parseInviteId, parseInviteKey } from '../trust/words.ts';
import type { Identity } from './identity.ts';
import type { Vault } from './membership.ts';
import type { Broker } from './ports.ts';

const againS = 600;

interface Held {
  readonly invite: InviteId;
  readonly key: InviteKey;
}

/** What is no invite any more asks for nothing: the operator makes another. */
function heldIn(text: string | undefined): Held | undefined {
  const [id = '', secret = ''] = (text ?? '').split(' ');
  const [invite, key] = [parseInviteId(id), parseInviteKey(secret)];
  return invite === undefined || key === undefined ? undefined : { invite, key };
}

export class Asking {
  readonly #identity: Identity;
  readonly #network: NetworkId;
  readonly #vault: Vault;
  #held: Held | undefined;
  #askedAtS: number | undefined;

  constructor(identity: Identity, network: NetworkId, vault: Vault) {
    this.#identity = identity;
    this.#network = network;
    this.#vault = vault;
    this.#held = heldIn(vault.read().invite);
  }

  /** While it waits. */
  get invite(): InviteId | undefined {
    return this.#held?.invite;
  }

  /** A broker that is reached anew may have forgotten. */
  lost(): void {
    this.#askedAtS = undefined;
  }

  /** Once a run of the loop. */
  ask(broker: Broker, isMember: boolean, nowUnixS: number): void {
    if (this.#held === undefined) return;
    if (isMember) {
      this.#vault.write({ invite: undefined });
      this.withdraw(broker);
      return;
    }
    const isAsked = this.#askedAtS !== undefined && Math.abs(nowUnixS - this.#askedAtS) < againS;
    if (isAsked || !broker.state().connected) return;
    this.#askedAtS = nowUnixS;
    broker.publish({
      topic: topics.join(this.#network, this.#identity.id),
      payload: this.#request(this.#held, nowUnixS),
    });
  }

  /** Takes back what was asked: it was granted, or this router leaves. */
  withdraw(broker: Broker): void {
    if (this.#held === undefined) return;
    this.#held = undefined;
    broker.publish({ topic: topics.join(this.#network, this.#identity.id), payload: new Uint8Array() });
  }

  #request({ invite, key }: Held, atUnixS: number): Uint8Array {
    const { identityKey, wireGuardKey, sign } = this.#identity;
    const payload = encodeJoin({ network: this.#network, invite, identityKey, wireGuardKey, atUnixS }, key);
    const signatures = [{ keyid: keyIdOf(identityKey), sig: sign(pae(joinType, payload)) }];
    return encodeEnvelope({ payloadType: joinType, payload, signatures });
  }
}
