/**
 * The addresses and routes of one interface: what netifd believes to be in the kernel.
 * In: full sets, or additions. Out: the difference given to the kernel, additions before deletions. netifd never looks:
 * after somebody deleted the link it still believes, as recorded in netifd-proto-handler.md.
 */
import { type Address, addressKey, addressLine, type Route, routeKey, routeLine } from './address.ts';
import { ipBatch, type Kernel } from './kernel.ts';

/** What an update changed. */
export interface Changed {
  readonly addresses: boolean;
  readonly routes: boolean;
}

export class Settings {
  readonly addresses = new Map<string, Address>();
  readonly routes = new Map<string, Route>();
  readonly #run: Kernel;
  #routesInKernel = false;

  constructor(run: Kernel) {
    this.#run = run;
  }

  /** `routesToo` false keeps routes out of the kernel: those of an interface that is not up. */
  async update(
    device: string,
    wanted: { readonly addresses: readonly Address[]; readonly routes: readonly Route[] },
    { keep, metric, routesToo }: { readonly keep: boolean; readonly metric: number; readonly routesToo: boolean },
  ): Promise<Changed> {
    const addresses = new Map(wanted.addresses.map((address) => [addressKey(address), address]));
    const routes = new Map(wanted.routes.map((route) => [routeKey(route), route]));
    const missing = [...addresses].filter(([key]) => !this.addresses.has(key));
    const missingRoutes = [...routes].filter(([key]) => !this.routes.has(key));
    const stale = keep ? [] : [...this.addresses].filter(([key]) => !addresses.has(key));
    const staleRoutes = keep ? [] : [...this.routes].filter(([key]) => !routes.has(key));
    const lines = [
      ...missing.map(([, address]) => addressLine('replace', address, device)),
      ...(routesToo ? missingRoutes.map(([, route]) => routeLine('replace', route, device, metric)) : []),
      ...(this.#routesInKernel ? staleRoutes.map(([, route]) => routeLine('del', route, device, metric)) : []),
      ...stale.map(([, address]) => addressLine('del', address, device)),
    ];
    for (const [key, address] of missing) this.addresses.set(key, address);
    for (const [key, route] of missingRoutes) this.routes.set(key, route);
    for (const [key] of stale) this.addresses.delete(key);
    for (const [key] of staleRoutes) this.routes.delete(key);
    await ipBatch(this.#run, lines);
    if (routesToo && !this.#routesInKernel) await this.enableRoutes(device, metric);
    return { addresses: missing.length + stale.length > 0, routes: missingRoutes.length + staleRoutes.length > 0 };
  }

  /** Gives the kernel every route; those it has already stay. */
  async enableRoutes(device: string, metric: number): Promise<void> {
    this.#routesInKernel = true;
    await ipBatch(
      this.#run,
      [...this.routes.values()].map((route) => routeLine('replace', route, device, metric)),
    );
  }

  async disableRoutes(device: string, metric: number): Promise<void> {
    if (!this.#routesInKernel) return;
    this.#routesInKernel = false;
    await ipBatch(
      this.#run,
      [...this.routes.values()].map((route) => routeLine('del', route, device, metric)),
    );
  }

  /** Takes everything out of the kernel and forgets it. */
  async clear(device: string | undefined, metric: number): Promise<void> {
    if (device !== undefined) {
      await this.disableRoutes(device, metric);
      await ipBatch(
        this.#run,
        [...this.addresses.values()].map((address) => addressLine('del', address, device)),
      );
    }
    this.#routesInKernel = false;
    this.addresses.clear();
    this.routes.clear();
  }
}
