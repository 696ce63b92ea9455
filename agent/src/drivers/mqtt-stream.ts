/**
 * The bytes below MQTT: a TCP or TLS connection that no packet larger than a cap gets through.
 * In: a broker's URL and TLS settings; then whatever the broker sends. Out: a stream whose every chunk ends where a
 * packet ends or earlier. Specified in MQTT 5.0 section 2.1 (fixed header, the same in 3.1.1).
 */
import { connect as connectTcp, isIP, isIPv6, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { type BrokerSettings, Fault, messageOf } from '../control/ports.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Missing for `mqtt://`. */
  readonly secure: SecureContext | undefined;
}

const defaultPorts = { 'mqtt:': 1883, 'mqtts:': 8883 } as const;

function urlFault(wanted: string, got: string): Fault {
  return new Fault('BROKER_URL', 'broker', `broker URL: wanted ${wanted}, got ${got}`);
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw urlFault('mqtt://host[:port] or mqtts://host[:port]', 'what is no URL');
  const url = new URL(text);
  // Not quoted: what stands there is a password, and this message reaches the log.
  if (url.username !== '' || url.password !== '') throw urlFault('no credentials in it', 'some before an @');
  return url;
}

/** Where to connect and whom to believe. Throws Fault `BROKER_URL` and `BROKER_TLS`. */
export function brokerEndpoint(settings: BrokerSettings): Endpoint {
  const { protocol, hostname, port, pathname, search, hash } = parseUrl(settings.url);
  if (protocol !== 'mqtt:' && protocol !== 'mqtts:') throw urlFault('the scheme mqtt: or mqtts:', protocol);
  if (hostname === '') throw urlFault('a host', 'none');
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  if (!isIPv6(host) && !/^[\w.-]+$/.test(host)) throw urlFault('a host name or an address', host);
  if (pathname + search + hash !== '') throw urlFault('nothing after the host and the port', pathname + search + hash);
  if (port === '0') throw urlFault('a port of 1 to 65535', port);
  const { ca, cert, key } = settings;
  if (protocol === 'mqtt:' && (ca ?? cert ?? key) !== undefined) {
    throw urlFault('mqtts:// because certificates are given', 'mqtt://');
  }
  return {
    host,
    port: port === '' ? defaultPorts[protocol] : Number(port),
    secure: protocol === 'mqtts:' ? secureContext(settings) : undefined,
  };
}

/** Made once and not at each attempt: it is slow, and a bad key must be told to whoever gave it. */
function secureContext({ ca, cert, key }: BrokerSettings): SecureContext {
  if ((cert === undefined) !== (key === undefined)) {
    const got = cert === undefined ? 'a key' : 'a certificate';
    throw new Fault('BROKER_TLS', 'broker', `broker TLS: wanted a certificate and its key, got only ${got}`);
  }
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
  } catch (error) {
    const got = messageOf(error);
    throw new Fault('BROKER_TLS', 'broker', `broker TLS: wanted certificates and a key in PEM, got ${got}`, error);
  }
}

function openSocket({ host, port, secure }: Endpoint): Socket {
  if (secure === undefined) return connectTcp({ host, port, noDelay: true });
  // Said here because the environment can switch the check off for those who do not say it.
  const checked = { rejectUnauthorized: true, secureContext: secure };
  const socket = connectTls({ host, port, ...checked, ...(isIP(host) === 0 ? { servername: host } : {}) });
  return socket.setNoDelay(true);
}

const publishQos2 = 0x34;
const publishTypeAndQos = 0xf6;

/** Follows the fixed headers in a byte stream and throws `RangeError` at one that must not be read further. */
export class PacketCutter {
  readonly #maxPacketBytes: number;
  #headerBytes = 0;
  #bodyBytes = 0;
  #leftBytes = 0;

  constructor(maxPacketBytes: number) {
    this.#maxPacketBytes = maxPacketBytes;
  }

  /** The next piece of `chunk`: up to the end of a packet, or all of it. `chunk` is not empty. */
  cut(chunk: Uint8Array): number {
    let at = 0;
    while (this.#leftBytes === 0 && at < chunk.length) {
      const complete = this.#readHeaderByte(chunk[at] ?? 0);
      at += 1;
      if (complete && this.#leftBytes === 0) return at;
    }
    const body = Math.min(this.#leftBytes, chunk.length - at);
    this.#leftBytes -= body;
    return at + body;
  }

  /** True when the header is complete. */
  #readHeaderByte(byte: number): boolean {
    this.#headerBytes += 1;
    if (this.#headerBytes === 1) {
      // Each half-done QoS 2 delivery is kept in memory, 65535 of them; nothing here subscribes with QoS 2.
      if ((byte & publishTypeAndQos) === publishQos2) throw new RangeError('wanted QoS 0 or 1, got QoS 2');
      return false;
    }
    this.#bodyBytes += (byte & 0x7f) * 128 ** (this.#headerBytes - 2);
    const packetBytes = this.#headerBytes + this.#bodyBytes;
    if (packetBytes > this.#maxPacketBytes) throw new Oversize(this.#maxPacketBytes, packetBytes);
    if (byte >= 0x80) {
      if (this.#headerBytes === 5) throw new RangeError('wanted a length of at most 4 bytes, got more');
      return false;
    }
    this.#leftBytes = this.#bodyBytes;
    this.#headerBytes = 0;
    this.#bodyBytes = 0;
    return true;
  }
}

/** A packet over the cap. Its length is a lower bound: the header is not read to its end. */
export class Oversize extends RangeError {
  constructor(maxBytes: number, gotBytes: number) {
    super(`wanted a packet of at most ${maxBytes} bytes, got at least ${gotBytes}`);
  }
}

export interface StreamEvents {
  readonly onBytes: (count: number) => void;
  /** Called at most once, before 'close': the broker sent what must not be read. */
  readonly onRefused: (reason: RangeError) => void;
}

/** One connection. It ends with 'close'; an 'error' may come before that. */
export class BrokerStream extends Duplex {
  readonly #socket: Socket;
  readonly #cutter: PacketCutter;
  readonly #events: StreamEvents;

  constructor(endpoint: Endpoint, maxPacketBytes: number, events: StreamEvents) {
    // Object mode keeps the pieces apart: joined again, two packets would be handled in one go (see `pipe`).
    super({ readableObjectMode: true });
    this.#cutter = new PacketCutter(maxPacketBytes);
    this.#events = events;
    this.#socket = openSocket(endpoint);
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.destroy(error));
    this.#socket.on('close', () => this.push(null));
    this.#socket.on('end', () => this.push(null));
    // After 'end', so that what came before a refused packet is still delivered.
    this.on('end', () => this.destroy());
  }

  #receive(chunk: Buffer): void {
    if (this.readableEnded || this.destroyed) return;
    this.#events.onBytes(chunk.length);
    let more = true;
    try {
      for (let at = 0; at < chunk.length;) {
        const rest = chunk.subarray(at);
        const length = this.#cutter.cut(rest);
        more = this.push(rest.subarray(0, length));
        at += length;
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#events.onRefused(error);
      this.#socket.destroy();
      this.push(null);
      return;
    }
    if (!more) this.#socket.pause();
  }

  /**
   * The MQTT client pipes into its parser, which throws at some of what a hostile broker can send. One packet at a
   * time is written and its handlers run within the write, so that a throw ends this connection and not the process.
   */
  override pipe<Sink extends NodeJS.WritableStream>(sink: Sink, options?: { end?: boolean }): Sink {
    const guarded = sink as unknown as Pick<Duplex, '_write'>;
    const write = guarded._write.bind(sink);
    guarded._write = (chunk, encoding, done): void => {
      try {
        write(chunk, encoding, done);
      } catch (error) {
        this.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    };
    return super.pipe(sink, options);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  /** A packet is written in many small parts; they leave as one. */
  override _writev(parts: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.write(Buffer.concat(parts.map(({ chunk }) => chunk)), done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
