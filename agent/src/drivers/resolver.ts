/**
 * Endpoints to `address:port`. In: endpoints. Out: those that resolve; a name that does not is left out and asked again
 * after a while, so that one bad name delays nobody. Names are asked of the system's resolver (getaddrinfo).
 */
import { lookup } from 'node:dns/promises';
import { messageOf, type Resolver } from '../control/ports.ts';
import { parseIp } from '../trust/ip.ts';
import type { Endpoint } from '../trust/types.ts';

const goodForMs = 300_000;
const retryAfterMs = 30_000;
const patienceMs = 3_000;

interface Answer {
  readonly text: string | undefined;
  readonly problem: string;
  readonly untilMs: number;
}

function format(address: string, port: string): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

async function ask(endpoint: Endpoint, nowMs: number): Promise<Answer> {
  const at = endpoint.lastIndexOf(':');
  const [host, port] = [endpoint.slice(0, at), endpoint.slice(at + 1)];
  try {
    const { address } = await lookup(host);
    return { text: format(address, port), problem: '', untilMs: nowMs + goodForMs };
  } catch (error) {
    const got = messageOf(error);
    return { text: undefined, problem: `wanted an address of ${host}, got ${got}`, untilMs: nowMs + retryAfterMs };
  }
}

function isNumeric(endpoint: Endpoint): boolean {
  return endpoint.startsWith('[') || parseIp(endpoint.slice(0, endpoint.lastIndexOf(':'))) !== undefined;
}

/** `onChange` is called when a slow answer came after its question was no longer waited for. */
export function connectResolver(monotonicMs: () => number, onChange: () => void): Resolver {
  const answers = new Map<Endpoint, Answer>();
  const asking = new Map<Endpoint, Promise<void>>();

  const refresh = (endpoint: Endpoint): Promise<void> => {
    const running = asking.get(endpoint);
    if (running !== undefined) return running;
    const started = monotonicMs();
    const asked = ask(endpoint, started).then((answer) => {
      asking.delete(endpoint);
      answers.set(endpoint, answer);
      if (monotonicMs() - started > patienceMs) onChange();
    });
    asking.set(endpoint, asked);
    return asked;
  };
  return {
    resolve: async (endpoints) => {
      const names = endpoints.filter((endpoint) => !isNumeric(endpoint));
      const due = names.filter((endpoint) => (answers.get(endpoint)?.untilMs ?? 0) <= monotonicMs());
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, due.length === 0 ? 0 : patienceMs)));
      await Promise.race([Promise.all(due.map(refresh)), patience]);
      clearTimeout(timer);
      for (const known of [...answers.keys()]) if (!names.includes(known)) answers.delete(known);
      return new Map(
        endpoints.flatMap((endpoint) => {
          const text = isNumeric(endpoint) ? endpoint : answers.get(endpoint)?.text;
          return text === undefined ? [] : [[endpoint, text] as const];
        }),
      );
    },
    problems: () =>
      new Map(
        [...answers].flatMap(([endpoint, { problem }]) => (problem === '' ? [] : [[endpoint, problem] as const])),
      ),
  };
}
