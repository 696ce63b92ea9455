import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/control/config.ts';
import { Fault, type JsonObject } from '../../src/control/ports.ts';
import { network } from '../trust/network.ts';

describe('settings', () => {
  test('a section with nothing in it has the defaults and no membership', () => {
    expect(parseConfig({})).toEqual({
      enabled: true,
      breakGlass: false,
      choices: {
        interface: 'rn0',
        listenPort: 51820,
        mtu: 'auto',
        leaseS: 600,
        mark: 0x08000000,
        exit: 'off',
        exitLan: false,
        offersExit: false,
        announced: [],
        localNetworks: ['lan'],
      },
      membership: undefined,
    });
  });
  test('a member, with every option said', () => {
    const options = {
      enabled: '0',
      break_glass: '1',
      interface: 'mesh',
      listen_port: '1',
      mtu: '1280',
      lease_s: '30',
      mark: '0x40',
      exit: 'office',
      exit_lan: '1',
      offer_exit: '1',
      announce: ['192.168.1.0/24', 'fd01::/64'],
      local_network: ['lan', 'guest'],
      network,
      broker: 'mqtt://b',
      username: 'u',
    };
    expect(parseConfig(options)).toEqual({
      enabled: false,
      breakGlass: true,
      choices: {
        interface: 'mesh',
        listenPort: 1,
        mtu: 1280,
        leaseS: 30,
        mark: 0x40,
        exit: 'office',
        exitLan: true,
        offersExit: true,
        announced: ['192.168.1.0/24', 'fd01::/64'],
        localNetworks: ['lan', 'guest'],
      },
      membership: { network, brokerUrl: 'mqtt://b', username: 'u' },
    });
  });
  test.each<[string, JsonObject, string]>([
    [
      'a broker without a network id',
      { broker: 'mqtt://b' },
      'rustynet.main.network: wanted a network id, 32 hex digits, got none',
    ],
    [
      'a network id of 31 digits',
      { network: network.slice(1), broker: 'mqtt://b' },
      `rustynet.main.network: wanted a network id, 32 hex digits, got "${network.slice(1)}"`,
    ],
    [
      'a network without a broker',
      { network },
      'rustynet.main.broker: wanted mqtt://host[:port] or mqtts://host[:port], got none',
    ],
    [
      'a lease longer than ten minutes',
      { lease_s: '601' },
      'rustynet.main.lease_s: wanted an integer from 30 to 600, got "601"',
    ],
    [
      'an MTU below that of IPv6',
      { mtu: '1279' },
      'rustynet.main.mtu: wanted an integer from 1280 to 9000, got "1279"',
    ],
    [
      'a port that is no number',
      { listen_port: '51820x' },
      'rustynet.main.listen_port: wanted an integer from 1 to 65535, got "51820x"',
    ],
    [
      'a name that would end a quote in nft',
      { interface: 'rn0"' },
      'rustynet.main.interface: wanted a letter, then up to 14 of a-z 0-9 _, got "rn0\\""',
    ],
    [
      'a name of 16 letters',
      { interface: 'a'.repeat(16) },
      `rustynet.main.interface: wanted a letter, then up to 14 of a-z 0-9 _, got "${'a'.repeat(16)}"`,
    ],
    [
      'a list where text is wanted',
      { listen_port: ['1'] },
      'rustynet.main.listen_port: wanted an integer from 1 to 65535, got ["1"]',
    ],
    [
      "a mark of mwan3's",
      { mark: '0x100' },
      'rustynet.main.mark: wanted one bit from 0x4 to 0x80 or from 0x4000000 to 0x40000000, got "0x100"',
    ],
    [
      'a mark of two bits',
      { mark: '0x0c' },
      'rustynet.main.mark: wanted one bit from 0x4 to 0x80 or from 0x4000000 to 0x40000000, got "0x0c"',
    ],
    [
      'an announced prefix with a host bit',
      { announce: ['192.168.1.1/24'] },
      'rustynet.main.announce: wanted a prefix without host bits, got "192.168.1.1/24"',
    ],
    [
      'an exit that is no name',
      { exit: 'Home!' },
      'rustynet.main.exit: wanted off, full or the name of a member, got "Home!"',
    ],
    ['a break_glass of yes', { break_glass: 'yes' }, 'rustynet.main.break_glass: wanted 0 or 1, got "yes"'],
    ['an enabled of yes', { enabled: 'yes' }, 'rustynet.main.enabled: wanted 0 or 1, got "yes"'],
  ])('%s is a fault that says wanted and got', (_, options, message) => {
    const parse = (): unknown => parseConfig(options);
    expect(parse).toThrow(Fault);
    expect(parse).toThrow(message);
  });
});
