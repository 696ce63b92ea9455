// The machine between the routers: Debian's mosquitto with TLS and the ACL that the operator's tool writes, and their
// way to the internet.
// In: certificates, the network, users. Out: a broker on the WAN that can be stopped and started, reached from this
// machine too, where a test can say as the broker whatever it likes.
import mqtt from 'mqtt';
import { mosquittoConfig } from '../../agent/src/operator/broker-config.ts';
import type { NetworkId } from '../../agent/src/trust/types.ts';
import { loadGuest, startGuest, type Guest, type GuestOptions } from '../harness/guest.ts';
import type { BrokerCertificates } from './certificates.ts';
import { internet, internetBoot } from './internet.ts';

export const brokerAddress = internet.gateway;
export const brokerPort = 8883;
/** Each router has a login of its own, as an operator should have it; `router` is for an invite that any may take. */
export const users = {
  router: { name: 'router', password: 'router-password', role: 'router' },
  r1: { name: 'r1', password: 'password-of-r1', role: 'router' },
  r2: { name: 'r2', password: 'password-of-r2', role: 'router' },
  r3: { name: 'r3', password: 'password-of-r3', role: 'router' },
  operator: { name: 'operator', password: 'operator-password', role: 'operator' },
} as const;
export type User = keyof typeof users;

const boot = `set -e
ip link set eth0 up
ip addr add ${brokerAddress}/24 dev eth0
ip link set eth1 up
ip addr add 10.0.2.15/24 dev eth1
mkdir -p /etc/broker/data
chown -R mosquitto /etc/broker
/usr/sbin/mosquitto -d -c /etc/broker/mosquitto.conf
${internetBoot}`;

/** What an envelope (DSSE) has in it. */
function opened(payload: Buffer): string {
  const coded = /"payload":"([A-Za-z0-9+/=]+)"/.exec(payload.toString('latin1'))?.[1];
  return coded === undefined ? '' : Buffer.from(coded, 'base64').toString('latin1');
}

export class LabBroker {
  readonly guest: Guest;
  readonly #hostPort: number;
  readonly #ca: string;

  constructor(guest: Guest, hostPort: number, ca: string) {
    this.guest = guest;
    this.#hostPort = hostPort;
    this.#ca = ca;
  }

  get hostUrl(): string {
    return `mqtts://127.0.0.1:${this.#hostPort}`;
  }

  async stop(): Promise<void> {
    await this.guest.run('killall mosquitto; while pidof mosquitto >/dev/null; do sleep 0.1; done');
  }

  async start(): Promise<void> {
    await this.guest.run('/usr/sbin/mosquitto -d -c /etc/broker/mosquitto.conf');
  }

  /** Takes files of the operator's tool, while it runs. */
  async reload(files: Readonly<Record<string, Buffer>>): Promise<void> {
    for (const [name, data] of Object.entries(files)) {
      await this.guest.run(`cat >/etc/broker/${name}`, { input: data.toString() });
    }
    await this.guest.run('killall -HUP mosquitto');
  }

  /** All that passes through it from now on, and what is retained: topic and payload, a line a message. */
  async hear(): Promise<{ text(): string; stop(): Promise<void> }> {
    const { name: username, password } = users.operator;
    const client = await mqtt.connectAsync(this.hostUrl, { ca: this.#ca, username, password, protocolVersion: 5 });
    let heard = '';
    client.on('message', (topic, payload) => (heard += `${topic} ${payload.toString('latin1')} ${opened(payload)}\n`));
    await client.subscribeAsync('#', { qos: 1 });
    return { text: () => heard, stop: () => client.endAsync() };
  }

  /** What a broker may do to anyone: puts a retained message under a topic. As a router it throws what the broker answers. */
  async say(topic: string, payload: Uint8Array, as: User = 'operator'): Promise<void> {
    const { name: username, password } = users[as];
    const client = await mqtt.connectAsync(this.hostUrl, { ca: this.#ca, username, password, protocolVersion: 5 });
    try {
      await client.publishAsync(topic, Buffer.from(payload), { qos: 1, retain: true });
    } finally {
      await client.endAsync();
    }
  }
}

type Place = Pick<GuestOptions, 'image' | 'folder'> & { readonly hub: string; readonly hostPort: number };

const seat = ({ image, folder, hub, hostPort }: Place): Omit<GuestOptions, 'files'> => ({
  ...{ name: 'broker', memoryMiB: 192, image, folder },
  nics: [{ hub }, { user: { hostForwards: [{ hostPort, guestPort: brokerPort }] } }],
});

export async function startBroker(
  place: Place,
  certificates: BrokerCertificates,
  network: NetworkId,
): Promise<LabBroker> {
  const at = (name: string): string => `/etc/broker/${name}`;
  const config = mosquittoConfig({
    listenPort: brokerPort,
    folder: '/etc/broker',
    network,
    tls: { caFile: at('ca.pem'), certFile: at('broker.pem'), keyFile: at('broker.key') },
    users: Object.values(users),
    persistenceFolder: at('data'),
  });
  const text = {
    ...config,
    'ca.pem': certificates.ca,
    'broker.pem': certificates.cert,
    'broker.key': certificates.key,
  };
  const files = Object.entries(text).map(([name, data]) => [at(name), { data, mode: 0o600 }] as const);
  const guest = await startGuest({
    ...seat(place),
    files: { ...Object.fromEntries(files), '/lab/boot': { data: boot, mode: 0o755 } },
  });
  return new LabBroker(guest, place.hostPort, certificates.ca);
}

/** Paused, as it was saved. */
export async function loadBroker(place: Place, ca: string, savedIn: string): Promise<LabBroker> {
  return new LabBroker(await loadGuest(seat(place), savedIn), place.hostPort, ca);
}
