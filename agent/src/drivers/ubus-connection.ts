/**
 * A connection to ubusd that comes back.
 * In: the socket's path. Out: the session that is up now, to whoever asks, and to the owner each time a new one is up.
 * The wait between two attempts doubles from 0.1 s to 5 s.
 */
import { Fault } from '../control/ports.ts';
import { timeoutFault, UbusSession } from './ubus-session.ts';

export interface ConnectionEvents {
  /** A new session is up, with nothing on it yet. Must not reject. */
  readonly onReady: (session: UbusSession) => Promise<void>;
  readonly onFault: (fault: Fault) => void;
}

type Settle = (outcome: UbusSession | Fault) => void;

const firstDelayMs = 100;
const lastDelayMs = 5_000;

export class UbusConnection {
  readonly #path: string;
  readonly #events: ConnectionEvents;
  readonly #waiting = new Set<Settle>();
  /** The one that connects or is up. */
  #session: UbusSession | undefined;
  #isReady = false;
  #retryTimer: NodeJS.Timeout | undefined;
  #delayMs = firstDelayMs;
  #lastFault: Fault | undefined;
  #isReported = false;
  #isClosed = false;

  constructor(path: string, events: ConnectionEvents) {
    this.#path = path;
    this.#events = events;
    this.#connect();
  }

  /** The session, as soon as there is one. Rejects with `UBUS_TIMEOUT`, or `UBUS_CONNECTION_FAILED` after `close`. */
  session(subject: string, timeoutMs: number): Promise<UbusSession> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw this.closedFault(subject);
      if (this.#isReady && this.#session !== undefined) {
        resolve(this.#session);
        return;
      }
      const settle: Settle = (outcome) => {
        clearTimeout(timer);
        this.#waiting.delete(settle);
        if (outcome instanceof Fault) reject(outcome);
        else resolve(outcome);
      };
      const timer = setTimeout(
        () => settle(timeoutFault(subject, 'a connection to ubusd', timeoutMs, this.#lastFault)),
        timeoutMs,
      );
      this.#waiting.add(settle);
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  closedFault(subject: string): Fault {
    const message = `${subject}: wanted a connection to ubusd, got one that this side closed`;
    return new Fault('UBUS_CONNECTION_FAILED', subject, message);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    this.#session?.close();
    for (const settle of [...this.#waiting]) settle(this.closedFault(this.#path));
  }

  #connect(): void {
    this.#session = new UbusSession(this.#path, {
      onReady: (session) => void this.#receiveReady(session),
      onClose: (fault) => this.#receiveClose(fault),
      onFault: this.#events.onFault,
    });
  }

  async #receiveReady(session: UbusSession): Promise<void> {
    this.#isReady = true;
    for (const settle of [...this.#waiting]) settle(session);
    await this.#events.onReady(session);
    if (this.#session !== session) return;
    // Not at HELLO: a ubusd that greets and then hangs up must not be asked ten times a second.
    this.#delayMs = firstDelayMs;
    this.#isReported = false;
  }

  #receiveClose(fault: Fault): void {
    this.#session = undefined;
    this.#isReady = false;
    this.#lastFault = fault;
    if (this.#isClosed) return;
    // Once a loss and not once an attempt: ubusd may be away for hours.
    if (!this.#isReported) this.#events.onFault(fault);
    this.#isReported = true;
    this.#retryTimer = setTimeout(() => this.#connect(), this.#delayMs);
    this.#delayMs = Math.min(this.#delayMs * 2, lastDelayMs);
  }
}
