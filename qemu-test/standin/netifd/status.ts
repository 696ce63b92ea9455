/**
 * What `ubus call network.interface.X status` shows.
 * In: an interface. Out: its table, keys in the recorded order (openwrt-25.12-ubus-objects.md); an interface that is
 * not up shows the short form (openwrt-25.12-procd.md, `interface.down`).
 */
import type { JsonTable } from '../../../agent/src/wire/blobmsg.ts';
import { addressStatus, routeStatus } from './address.ts';
import type { NetInterface } from './interface.ts';

const nothing = {
  'ipv4-address': [],
  'ipv6-address': [],
  route: [],
  'dns-server': [],
  'dns-search': [],
  neighbors: [],
};

function details(subject: NetInterface): JsonTable {
  const addresses = [...subject.settings.addresses.values()];
  const family = (wanted: number): JsonTable[] =>
    addresses.filter((address) => address.family === wanted).map(addressStatus);
  return {
    ...(subject.updated.length === 0 ? {} : { updated: subject.updated }),
    metric: subject.metric,
    dns_metric: 0,
    delegation: true,
    'ipv4-address': family(4),
    'ipv6-address': family(6),
    'ipv6-prefix': [],
    'ipv6-prefix-assignment': [],
    route: [...subject.settings.routes.values()].map(routeStatus),
    'dns-server': subject.dns,
    'dns-search': subject.dnsSearch,
    neighbors: [],
    inactive: nothing,
  };
}

export function statusOf(subject: NetInterface): JsonTable {
  const isUp = subject.state === 'up';
  const device = subject.mainDevice;
  return {
    up: isUp,
    pending: subject.state === 'setup',
    available: subject.available,
    autostart: subject.autostart,
    dynamic: false,
    ...(isUp ? { uptime: Math.floor((Date.now() - subject.startMs) / 1000) } : {}),
    ...(isUp && subject.l3Device !== undefined ? { l3_device: subject.l3Device } : {}),
    proto: subject.protocolName,
    ...(device === undefined ? {} : { device }),
    ...(isUp ? details(subject) : {}),
    data: subject.data,
    ...(subject.errors.length === 0 ? {} : { errors: subject.errors.map((error) => ({ ...error })) }),
  };
}
