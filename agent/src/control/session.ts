/**
 * Membership in one network: belief and the broker that feeds it. In: messages, coalesced so that a flood costs one
 * verification a topic and turn. Out: a call when what is believed may have changed.
 */
import { maxPartBytes } from '../trust/limits.ts';
import { topics } from '../trust/topics.ts';
import type { InviteId } from '../trust/types.ts';
import { Asking } from './asking.ts';
import { Belief } from './belief.ts';
import type { Membership } from './config.ts';
import type { Identity } from './identity.ts';
import type { Vault } from './membership.ts';
import {
  Fault,
  type Broker,
  type BrokerMessage,
  type BrokerSettings,
  type BrokerState,
  type JsonObject,
  type Store,
  messageOf,
} from './ports.ts';
import { signedStatus } from './status.ts';
import type { Time } from './time.ts';

export interface Secrets {
  readonly password?: string | undefined;
  readonly ca?: string | undefined;
  /** An invite's id and key, while this router asks by it. */
  readonly invite?: string | undefined;
  /** What takes the place of the broker. */
  readonly next?: string | undefined;
}
export type ConnectBroker = (
  settings: BrokerSettings,
  onMessage: (message: BrokerMessage) => void,
  onState: (state: BrokerState) => void,
) => Broker;

/** Between a message and its verification: further ones of its topic replace it. */
const coalesceMs = 50;
/** After a message that could not be kept: a full flash may be cleaned up. */
const retryMs = 5_000;
/** From a refusal, which changes nothing in the kernel, until it is told: whoever floods gets no run of the loop for each. */
const tellMs = 10_000;

/** The largest part, with room for MQTT's header and topic. */
const maxMessageBytes = maxPartBytes + 4096;

export class Session {
  readonly belief: Belief;
  /** Why what came last is not in force; while there is a reason, nothing is. */
  problem: string | undefined;
  readonly #membership: Membership;
  readonly #identity: Identity;
  readonly #broker: Broker;
  readonly #asking: Asking;
  readonly #onChange: () => void;
  readonly #inbox = new Map<string, BrokerMessage>();
  #topics: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #tellTimer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #published = '';

  /** Throws Fault `STORE_CORRUPT` or `BROKER_URL`. */
  constructor(
    membership: Membership,
    identity: Identity,
    store: Store,
    vault: Vault,
    time: Time,
    connect: ConnectBroker,
    onChange: () => void,
  ) {
    const stored = store.read();
    if (stored === undefined) {
      const wanted = 'wanted the floors of the network that was joined, got none';
      throw new Fault('STORE_CORRUPT', 'state', `${wanted}; run "rustynet leave", then join again`);
    }
    this.#membership = membership;
    this.#identity = identity;
    this.#onChange = onChange;
    this.belief = new Belief(membership.network, store, stored.floors, time);
    this.#asking = new Asking(identity, membership.network, vault);
    this.#broker = connect(
      this.#settings(vault.read()),
      (message) => this.#arrive(message),
      ({ connected }) => {
        if (!connected) this.#asking.lost();
        onChange();
      },
    );
    this.#subscribe();
  }

  #settings({ password, ca }: Secrets): BrokerSettings {
    const { brokerUrl, username, network } = this.#membership;
    const topic = topics.status(network, this.#identity.id);
    return {
      url: brokerUrl,
      clientId: this.#identity.id,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(ca === undefined ? {} : { ca }),
      will: { topic, payload: signedStatus(this.#identity, network, { state: 'offline' }) },
      maxMessageBytes,
    };
  }

  get brokerState(): BrokerState {
    return this.#broker.state();
  }

  /** The invite by which this router asks to be let in. */
  get invite(): InviteId | undefined {
    return this.#asking.invite;
  }

  /** A session that has ended believes nothing: the next one has read its floors. */
  #arrive(message: BrokerMessage): void {
    if (this.#isClosed) return;
    this.#inbox.set(message.topic, message);
    this.#timer ??= setTimeout(() => this.#drain(), coalesceMs);
  }

  #drain(): void {
    this.#timer = undefined;
    const messages = [...this.#inbox.values()];
    let changed = this.problem !== undefined;
    const { last } = this.belief.refusals;
    this.problem = undefined;
    for (const message of messages) {
      try {
        if (this.belief.receive(message)) changed = true;
        this.#inbox.delete(message.topic);
      } catch (error) {
        // It was believed and could not be kept: what it revokes must not stay in force, so nothing does.
        changed = true;
        this.problem = `what came could not be written to flash: ${messageOf(error)}`;
      }
    }
    if (this.problem !== undefined) this.#timer = setTimeout(() => this.#drain(), retryMs);
    this.#subscribe();
    if (changed) this.#onChange();
    else if (this.belief.refusals.last !== last) this.#tellLater();
  }

  #tellLater(): void {
    this.#tellTimer ??= setTimeout(() => {
      this.#tellTimer = undefined;
      this.#onChange();
    }, tellMs);
  }

  #subscribe(): void {
    const wanted = this.belief.wantedTopics();
    const gone = this.#topics.filter((topic) => !wanted.includes(topic));
    const added = wanted.filter((topic) => !this.#topics.includes(topic));
    if (gone.length > 0) this.#broker.unsubscribe(gone);
    if (added.length > 0) this.#broker.subscribe(added);
    this.#topics = wanted;
  }

  /** Publishes the node's status when its words changed, and asks to be let in where it is no member yet. */
  announce(words: JsonObject, nowUnixS: number): void {
    const map = this.belief.current();
    const isMember = typeof map !== 'string' && map.members.some(({ id }) => id === this.#identity.id);
    this.#asking.ask(this.#broker, isMember, nowUnixS);
    const said = JSON.stringify(words);
    if (said === this.#published) return;
    this.#published = said;
    const { network } = this.#membership;
    const payload = signedStatus(this.#identity, network, { ...words, at: nowUnixS });
    this.#broker.publish({ topic: topics.status(network, this.#identity.id), payload });
  }

  /** Before the end for good: nobody shall be let in who left. */
  withdraw(): void {
    this.#asking.withdraw(this.#broker);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#tellTimer);
    await this.#broker.close();
  }
}
