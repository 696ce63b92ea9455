/**
 * netifd's objects on ubus.
 * In: calls. Out: their methods with the recorded signatures (openwrt-25.12-ubus-objects.md). What the stand-in does
 * not do answers NOT_SUPPORTED.
 */
import type { JsonTable } from '../../../agent/src/wire/blobmsg.ts';
import type { Method, Methods, Result } from '../bus/client.ts';
import type { Network } from '../fw4/zones.ts';
import { networkAddress } from './host-routes.ts';
import type { NetInterface } from './interface.ts';
import type { Kernel } from './kernel.ts';
import type { Netifd } from './netifd.ts';
import { statusOf } from './status.ts';

const deviceArgs = { name: 'String', 'link-ext': 'Boolean', vlan: 'Array' } as const;

function unsupported(args: Method['args']): Method {
  return { args, run: () => 'NOT_SUPPORTED' };
}

/** The object `network`. */
export function networkMethods(netifd: Netifd): Methods {
  return {
    // The reply comes first: its object is gone after the restart.
    restart: { args: {}, run: () => void setImmediate(() => void netifd.restart()) },
    reload: { args: {}, run: () => netifd.reload() as Promise<undefined> },
    add_host_route: unsupported({ target: 'String', v6: 'Boolean', interface: 'String', exclude: 'Boolean' }),
    get_proto_handlers: {
      args: {},
      run: () => {
        const shown = netifd.handlers.map(({ name, noDevice, available, renews, lastError, noTask }) => [
          name,
          {
            immediate: false,
            no_device: noDevice,
            init_available: available,
            renew_available: renews,
            force_link_default: false,
            last_error: lastError,
            teardown_on_l3_link_down: false,
            no_task: noTask,
          },
        ]);
        return Object.fromEntries(shown) as JsonTable;
      },
    },
    add_dynamic: unsupported({ name: 'String' }),
    netns_updown: unsupported({ jail: 'String', start: 'Boolean' }),
  };
}

interface ShownLink {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly address?: string;
  readonly linkinfo?: { readonly info_kind?: string };
}

/** The object `network.device`: of its reply only what the kernel tells at once. */
export function deviceMethods(run: Kernel): Methods {
  const status = async (args: JsonTable): Promise<Result> => {
    const { name } = args;
    if (typeof name !== 'string') return 'INVALID_ARGUMENT';
    const { status: code, stdout } = await run('ip', ['-j', '-d', 'link', 'show', 'dev', name]);
    const [link] = code === 0 ? (JSON.parse(stdout) as ShownLink[]) : [];
    if (link === undefined) return 'NOT_FOUND';
    return {
      external: false,
      present: true,
      type: link.linkinfo?.info_kind === 'bridge' ? 'bridge' : 'Network device',
      up: link.flags.includes('UP'),
      carrier: link.flags.includes('LOWER_UP'),
      mtu: link.mtu,
      macaddr: link.address ?? '',
    };
  };
  return {
    status: { args: { name: 'String' }, run: status },
    set_alias: unsupported({ alias: 'Array', device: 'String' }),
    set_state: unsupported({ name: 'String', defer: 'Boolean', auth_status: 'Boolean', auth_vlans: 'Array' }),
    stp_init: unsupported({}),
  };
}

/** The object of one interface, or, without one, `network.interface`, whose calls name it. */
export function interfaceMethods(netifd: Netifd, fixed: NetInterface | undefined): Methods {
  const method = (
    run: (subject: NetInterface, args: JsonTable) => Promise<Result>,
    args: Method['args'] = {},
  ): Method => ({
    args,
    run: (given) => {
      const name = given['interface'];
      if (fixed === undefined && typeof name !== 'string') return 'INVALID_ARGUMENT';
      const subject = fixed ?? netifd.interfaces.get(String(name));
      return subject === undefined ? 'NOT_FOUND' : run(subject, given);
    },
  });
  const done = async (subject: NetInterface, task: () => Promise<void>): Promise<Result> => {
    await subject.serial.run(task);
    return undefined;
  };
  const notify = (subject: NetInterface, args: JsonTable): Promise<Result> =>
    subject.serial.run(async () => (await subject.protocol.notify?.(args)) ?? 'NOT_SUPPORTED');
  const setData = async (subject: NetInterface, args: JsonTable): Promise<Result> => {
    subject.data = { ...subject.data, ...args };
    return Promise.resolve(undefined);
  };
  return {
    up: method((subject) => done(subject, () => subject.up())),
    down: method((subject) => done(subject, () => subject.down())),
    renew: method((subject) => done(subject, () => subject.renew())),
    status: method((subject) => Promise.resolve(statusOf(subject))),
    prepare: method(() => Promise.resolve(undefined)),
    dump: { args: {}, run: () => ({ interface: dump(netifd) }) },
    add_device: unsupported(deviceArgs),
    remove_device: unsupported(deviceArgs),
    notify_proto: method(notify),
    remove: unsupported({}),
    set_data: method(setData),
  };
}

function dump(netifd: Netifd): JsonTable[] {
  const sorted = [...netifd.interfaces.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return sorted.map((subject) => ({ interface: subject.name, ...statusOf(subject) }));
}

/** What the firewall asks of a network: its device while it is up, and the networks of its addresses. */
export function networkOf({ state, l3Device, settings }: NetInterface): Network {
  const isUp = state === 'up';
  const subnets = [...settings.addresses.values()].map(({ address, mask }) => networkAddress(address, mask));
  return { device: isUp ? l3Device : undefined, subnets: isUp ? subnets : [] };
}
