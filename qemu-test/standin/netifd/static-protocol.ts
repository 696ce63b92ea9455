/**
 * The protocols `static` and `none`: what the section says, on the device that it names.
 * In: an interface. Out: its link up with the addresses and the gateway of the section. Specified in netifd's
 * proto-static.c and proto.c.
 */
import { parseAddress, routeOf } from './address.ts';
import type { NetInterface, Protocol, Update } from './interface.ts';

const options = ['ipaddr', 'netmask', 'gateway', 'ip6addr', 'ip6gw', 'dns', 'dns_search'];

function sectionUpdate(subject: NetInterface): Update {
  const netmask = subject.option('netmask');
  const addresses = [
    ...subject.list('ipaddr').map((text) => parseAddress(text, netmask)),
    ...subject.list('ip6addr').map((text) => parseAddress(text)),
  ];
  const gateways = [
    ...subject.list('gateway').map((gateway) => routeOf({ gateway }, 4)),
    ...subject.list('ip6gw').map((gateway) => routeOf({ gateway }, 6)),
  ];
  return {
    addresses: addresses.filter((address) => address !== undefined),
    routes: gateways.filter((route) => route !== undefined),
    dns: subject.list('dns'),
    dnsSearch: subject.list('dns_search'),
  };
}

/** `addressed` false is `proto none`. */
export function staticProtocol(subject: NetInterface, addressed: boolean): Protocol {
  return {
    options: addressed ? options : [],
    noDevice: false,
    async setup() {
      const device = subject.mainDevice;
      const update = addressed ? sectionUpdate(subject) : { addresses: [], routes: [] };
      const works = device !== undefined && (await subject.linkUp(device, update));
      if (!works) await subject.refuse({ subsystem: 'interface', code: 'NO_DEVICE' });
    },
    teardown: () => subject.isDown(),
  };
}

/** A protocol that nobody handles: the interface never comes up. */
export function unknownProtocol(subject: NetInterface): Protocol {
  return {
    options: [],
    noDevice: false,
    setup: () => subject.refuse({ subsystem: 'interface', code: 'INVALID_PROTO' }),
    teardown: () => subject.isDown(),
  };
}
