/**
 * A stand-in for LuCI's client side, of our own making: held to what our views call of it and nothing more. In: how to
 * read files and to post, whose session. Out: a loader that knows LuCI's own classes.
 */
import { dom, E } from './elements.ts';
import { formOf } from './form.ts';
import { baseclass, Loader, makeClass } from './loader.ts';
import { Poll, Rpc, type Post } from './rpc.ts';
import { _, format } from './text.ts';
import { ui, viewClass } from './ui.ts';
import { Uci } from './uci.ts';

export interface LuciPorts {
  readonly read: (path: string) => Promise<string>;
  readonly post: Post;
  readonly session: () => string;
  readonly mayWrite: () => boolean;
  readonly every: (run: () => void, seconds: number) => void;
}

/** LuCI's `network`, of which a protocol needs its registration and that of its errors. */
const network = {
  protocols: {} as Record<string, unknown>,
  errors: new Map<string, string>(),
  registerErrorCode: (code: string, message: string) => network.errors.set(code, message),
  registerProtocol: (name: string, members: Readonly<Record<string, unknown>>) => {
    const made = makeClass(members);
    network.protocols[name] = made;
    return made;
  },
};

declare global {
  interface String {
    format(...values: readonly unknown[]): string;
  }
}

export function makeLuci(ports: LuciPorts): Loader {
  String.prototype.format = format;
  const rpc = new Rpc(ports.post, ports.session);
  const uci = new Uci(rpc);
  const L = { hasViewPermission: () => ports.mayWrite(), env: {} };
  const ready = { baseclass, rpc, uci, dom, ui, form: formOf(uci), poll: new Poll(ports.every), network };
  return new Loader(
    { read: ports.read, globals: () => ({ L, E, _ }) },
    { ...ready, view: viewClass(uci, ports.mayWrite) },
  );
}
