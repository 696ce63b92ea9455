/**
 * Asks DNS servers for addresses over UDP, from one local port. In: a server, a name, a type. Out: what it answered, or
 * `undefined` when nothing came in time that matches the question, its id and the server. Format: wire/dns.ts.
 */
import { randomInt } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { formatIp } from '../trust/ip.ts';
import type { Ip } from '../trust/types.ts';
import { decodeAnswer, encodeQuestion, typeNumber, type AddressType, type DnsAnswer } from '../wire/dns.ts';

export interface Answer {
  /** RCODE of RFC 1035. */
  readonly code: number;
  readonly addresses: readonly Ip[];
  readonly ttlS: number;
}
export interface Server {
  readonly address: string;
  readonly port: number;
}
export interface Asker {
  /** `tries` datagrams, `patienceMs` after each. */
  ask(
    server: Server,
    name: string,
    type: AddressType,
    tries?: number,
    patienceMs?: number,
  ): Promise<Answer | undefined>;
  close(): void;
}

interface Waiting {
  readonly server: Server;
  readonly name: string;
  readonly type: AddressType;
  readonly done: (answer: Answer | undefined) => void;
}

function addressOf(bytes: Uint8Array): Ip {
  return formatIp(bytes.length === 4 ? 4 : 6, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
}

class UdpAsker implements Asker {
  readonly #localPort: number;
  readonly #sockets = new Map<4 | 6, Promise<Socket>>();
  readonly #waiting = new Map<number, Waiting>();

  constructor(localPort: number) {
    this.#localPort = localPort;
  }

  async ask(
    server: Server,
    name: string,
    type: AddressType,
    tries = 2,
    patienceMs = 1_500,
  ): Promise<Answer | undefined> {
    const family = server.address.includes(':') ? 6 : 4;
    for (let left = tries; left > 0; left -= 1) {
      const socket = await this.#socket(family).catch(() => undefined);
      const answer = socket && (await this.#once(socket, server, name, type, patienceMs));
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  close(): void {
    for (const { done } of this.#waiting.values()) done(undefined);
    for (const socket of this.#sockets.values()) {
      socket.then(
        (bound) => bound.close(),
        () => undefined,
      );
    }
    this.#sockets.clear();
  }

  #once(
    socket: Socket,
    server: Server,
    name: string,
    type: AddressType,
    patienceMs: number,
  ): Promise<Answer | undefined> {
    return new Promise((resolve) => {
      let id = randomInt(65536);
      while (this.#waiting.has(id)) id = randomInt(65536);
      const done = (answer: Answer | undefined): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(() => done(undefined), patienceMs);
      this.#waiting.set(id, { server, name, type, done });
      socket.send(encodeQuestion({ id, name, type }), server.port, server.address, (error) => {
        if (error) done(undefined);
      });
    });
  }

  /** A family that this router does not have is tried again at the next question. */
  #socket(family: 4 | 6): Promise<Socket> {
    const known = this.#sockets.get(family);
    if (known !== undefined) return known;
    const opened = new Promise<Socket>((resolve, reject) => {
      const socket = family === 4 ? createSocket('udp4') : createSocket({ type: 'udp6', ipv6Only: true });
      socket.on('message', (bytes, from) => this.#arrive(bytes, from));
      socket.on('error', (error) => {
        this.#sockets.delete(family);
        socket.close();
        reject(error);
      });
      socket.bind(this.#localPort, () => resolve(socket.unref()));
    });
    this.#sockets.set(family, opened);
    return opened;
  }

  /** Anybody can send to the port: what is not the answer to a question that waits is nothing. */
  #arrive(bytes: Buffer, from: RemoteInfo): void {
    let answer: DnsAnswer;
    try {
      answer = decodeAnswer(bytes);
    } catch {
      return;
    }
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    const { server, name, type, done } = waiting;
    const isFromServer = from.address === server.address && from.port === server.port;
    const isOfQuestion = answer.question.name === name.toLowerCase() && answer.question.type === typeNumber(type);
    if (!isFromServer || !isOfQuestion) return;
    done({ code: answer.code, addresses: answer.addresses.map(addressOf), ttlS: answer.ttlS });
  }
}

/** 0 lets the kernel choose the port. */
export function openAsker(localPort: number): Asker {
  return new UdpAsker(localPort);
}
