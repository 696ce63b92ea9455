/**
 * What procd and netifd tell. In: their notifications: `service` with `config.change`, `network.interface` with
 * `interface.update` and `interface.down` (netifd_ubus_interface_notify). Out: a call for settings that changed, and for
 * a network that came or went; one that stays up tells of itself every few minutes, which is none but of our own.
 */
import type { Ubus } from './ports.ts';

export interface Listener {
  /** Of any package of UCI; `isOurs`: of rustynet. */
  settings(isOurs: boolean): void;
  networks(): void;
}

export function listen(ubus: Ubus, own: () => string, { settings, networks }: Listener): void {
  const known = new Map<unknown, boolean>();
  ubus.subscribe('service', (event, { config }) => {
    if (event === 'config.change') settings(config === 'rustynet');
  });
  ubus.subscribe('network.interface', (event, { interface: name }) => {
    const isUp = event !== 'interface.down';
    const isNews = known.get(name) !== isUp;
    known.set(name, isUp);
    if (isNews || name === own()) networks();
  });
}
