// Two real guests on one hub: what every topology here relies on. Needs QEMU; boots in seconds without KVM.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildLabImage, type LabImage } from '../image/build.ts';
import { CommandTimeout, startGuest, type Guest } from './guest.ts';
import { createHub, type Hub } from './hub.ts';
import { freePort } from './socket.ts';
import { LANES, macOf } from './machine.ts';

const folder = mkdtempSync(join(tmpdir(), 'lab-'));
let image: LabImage;
let hub: Hub;
let alpha: Guest;
let beta: Guest;
let httpPort: number;

const boot = (address: string, more = ''): { data: string; mode: number } => ({
  data: `set -e\necho up >>/root/boots\nip link set eth0 up\nip addr add ${address}/24 dev eth0\n${more}`,
  mode: 0o755,
});

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const result = await work();
  console.warn(`${what}: ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  return result;
}

beforeAll(async () => {
  image = await timed('image', buildLabImage);
  httpPort = await freePort();
  hub = createHub(folder);
  const forward = { user: { hostForwards: [{ hostPort: httpPort, guestPort: 80 }] } };
  [alpha, beta] = await timed('two guests in parallel', () =>
    Promise.all([
      startGuest({
        ...{ name: 'alpha', memoryMiB: 384, image, folder },
        nics: [{ hub: hub.port('alpha') }, forward],
        files: {
          '/lab/boot': boot('10.9.0.1', 'ip link set eth1 up\nip addr add 10.0.2.15/24 dev eth1\n'),
          '/etc/secret': { data: 'from the test', mode: 0o600 },
        },
      }),
      startGuest({
        ...{ name: 'beta', memoryMiB: 192, image, folder },
        nics: [{ hub: hub.port('beta') }],
        files: { '/lab/boot': boot('10.9.0.2') },
      }),
    ]),
  );
});
afterAll(async () => {
  // Undefined when beforeAll failed, whose own error is the one to see.
  await Promise.all([alpha as Guest | undefined, beta as Guest | undefined].map((guest) => guest?.stop()));
  await hub.close();
});

describe('commands', () => {
  it.each([
    [
      'gives status and both outputs',
      'echo out; echo err >&2; exit 3',
      '',
      { status: 3, stdout: 'out\n', stderr: 'err\n' },
    ],
    ['gives a command its input', 'tr a-z A-Z', 'in\n', { status: 0, stdout: 'IN\n', stderr: '' }],
    ['ends the input of a command that was given none', 'cat', '', { status: 0, stdout: '', stderr: '' }],
    [
      'takes a script of several lines and any quotes',
      `a="it's"\necho "$a" '"'`,
      '',
      { status: 0, stdout: `it's "\n`, stderr: '' },
    ],
    ['tells a signal as a shell does', 'kill -9 $$', '', { status: 137, stdout: '', stderr: 'Killed\n' }],
    [
      'does not wait for what a command leaves running',
      'sleep 999 & echo left',
      '',
      { status: 0, stdout: 'left\n', stderr: '' },
    ],
    ['runs as root, by the name of the guest', 'id -u; hostname', '', { status: 0, stdout: '0\nalpha\n', stderr: '' }],
  ])('%s', async (_, command, input, outcome) => {
    expect(await alpha.exec(command, { input })).toEqual(outcome);
  });

  it('makes a status other than 0 an error that shows what was printed', async () => {
    await expect(alpha.run('echo seen; false')).rejects.toThrow(/alpha: .*wanted status 0, got 1\nseen/);
  });

  it('kills a command that takes too long, with all it started, and goes on', async () => {
    const slow = alpha.exec('echo begun; sleep 777 & sleep 777', { timeoutMs: 1000 });
    await expect(slow).rejects.toThrow(CommandTimeout);
    await expect(slow).rejects.toMatchObject({ stdout: 'begun\n' });
    expect(await alpha.exec('ps -o args | grep "[s]leep 777"')).toMatchObject({ status: 1, stdout: '' });
  });

  it('runs commands beside each other: the first ends by what the second does', async () => {
    const first = alpha.run('until [ -e /tmp/second ]; do sleep 0.1; done; echo met', { timeoutMs: 20_000 });
    await alpha.run('touch /tmp/second');
    expect(await first).toBe('met\n');
  });

  it('lets more commands than lanes wait for their turn', async () => {
    const numbers = Array.from({ length: 3 * LANES }, (_, index) => index);
    expect(await Promise.all(numbers.map((number) => alpha.run(`echo ${number}`)))).toEqual(
      numbers.map((n) => `${n}\n`),
    );
  });

  it('writes and reads files of any bytes', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_001 }, (_, index) => (index * 7) % 256));
    await alpha.writeFile("/root/deep/it's", bytes, 0o640);
    expect((await alpha.readFile("/root/deep/it's")).equals(bytes)).toBe(true);
    expect(await alpha.run('stat -c %a /root/deep/*')).toBe('640\n');
    await expect(alpha.readFile('/none')).rejects.toThrow(/alpha: wanted the file \/none, got status 1/);
  });

  it('has the files of its start with their modes', async () => {
    expect(await alpha.run('stat -c %a:%u /etc/secret; cat /etc/secret')).toBe('600:0\nfrom the test');
  });
});

describe('the hub between guests', () => {
  const ping = async (): Promise<number> => (await alpha.exec('ping -c 2 -i 0.2 -W 2 10.9.0.2')).status;

  it('carries pings, under the eyes of the witness', async () => {
    const seen = new Set<string>();
    const remove = hub.onFrame((port, frame) => {
      // EtherType 0x0800, protocol 1: ICMP; 8 is a request, 0 its reply.
      if (frame.readUInt16BE(12) === 0x0800 && frame[23] === 1) seen.add(`${port} ${String(frame[34])}`);
    });
    expect(await ping()).toBe(0);
    remove();
    expect([...seen]).toEqual(['alpha 8', 'beta 0']);
  });

  it('loses them when a port is cut, and carries them again when it is restored', async () => {
    hub.cut('beta');
    expect(await ping()).toBe(1);
    hub.restore('beta');
    expect(await ping()).toBe(0);
  });

  it('puts a frame of the test on the wire: a guest answers an ARP request', async () => {
    const mac = (text: string): Buffer => Buffer.from(text.replaceAll(':', ''), 'hex');
    const asker = mac('02:00:00:00:00:99');
    const head = Buffer.concat([mac('ff:ff:ff:ff:ff:ff'), asker, Buffer.from('08060001080006040001', 'hex')]);
    const question = Buffer.concat([
      head,
      asker,
      Buffer.from([10, 9, 0, 99]),
      Buffer.alloc(6),
      Buffer.from([10, 9, 0, 1]),
    ]);
    const answers: string[] = [];
    const remove = hub.onFrame((port, frame) => {
      if (frame.subarray(0, 6).equals(asker)) answers.push(`${port} ${frame.toString('hex', 22, 28)}`);
    });
    hub.inject(question);
    await expect.poll(() => answers, { timeout: 5000 }).toEqual([`alpha ${macOf('alpha', 0).replaceAll(':', '')}`]);
    remove();
  });

  it('is not the only way in: a forwarded port of the host reaches a server in the guest', async () => {
    await alpha.run('mkdir -p /tmp/www && echo hello >/tmp/www/x && httpd -p 80 -h /tmp/www');
    expect(await (await fetch(`http://127.0.0.1:${httpPort}/x`)).text()).toBe('hello\n');
  });
});

describe('the kernel and programs of a guest', () => {
  it('are the kernel of the image and the Node of this test', async () => {
    expect(await alpha.run('uname -r; node --version')).toBe(`${image.kernelVersion}\n${process.version}\n`);
  });

  it('carry packets through WireGuard between two guests', async () => {
    const make = async (guest: Guest): Promise<string> =>
      guest.run('umask 077; wg genkey >/root/key; ip link add wg0 type wireguard; wg pubkey </root/key');
    const [a, b] = (await Promise.all([make(alpha), make(beta)])).map((key) => key.trim());
    const up = (guest: Guest, own: number, peer: number, key = ''): Promise<string> =>
      guest.run(
        `wg set wg0 listen-port 51820 private-key /root/key peer ${key} endpoint 10.9.0.${peer}:51820 allowed-ips 10.8.0.${peer}/32 &&
         ip addr add 10.8.0.${own}/24 dev wg0 && ip link set wg0 up`,
      );
    await Promise.all([up(alpha, 1, 2, b), up(beta, 2, 1, a)]);
    expect(await alpha.run('ping -q -c 2 -i 0.2 -W 5 10.8.0.2')).toContain(' 0% packet loss');
    expect(await beta.run('wg show wg0 latest-handshakes')).toMatch(new RegExp(`^${a?.replaceAll('+', '\\+')}\t[1-9]`));
  });

  it('load an nft ruleset with sets, timeouts, marks and reject', async () => {
    const ruleset = `table inet lab {
      set lease { type mark; flags timeout; elements = { 0x1 timeout 10m } }
      chain forward { type filter hook forward priority 0; policy drop;
        ct state established,related accept
        tcp dport { 22, https } meta mark set 0x1 counter
        meta mark @lease accept
        reject with icmpx admin-prohibited
      }
      chain nat { type nat hook postrouting priority 100; oifname "eth0" masquerade; }
    }`;
    await alpha.run('nft -f -', { input: ruleset });
    expect(await alpha.run('nft -j list table inet lab')).toContain('"mark"');
    expect(await alpha.exec('nft -f -', { input: 'table inet lab { chain x { nonsense } }' })).toMatchObject({
      status: 1,
    });
  });

  it('join network namespaces behind a bridge, as hosts of a LAN', async () => {
    await beta.run(`set -e
      ip link add br-lan type bridge; ip addr add 192.168.1.1/24 dev br-lan; ip link set br-lan up
      for host in 2 3; do
        ip netns add lan$host
        ip link add lan$host type veth peer name eth0 netns lan$host
        ip link set lan$host master br-lan up
        ip -n lan$host addr add 192.168.1.$host/24 dev eth0; ip -n lan$host link set eth0 up
      done`);
    const lost = '100% packet loss';
    expect(await beta.run('ip netns exec lan2 ping -q -c 2 -i 0.2 -W 5 192.168.1.3')).not.toContain(lost);
    expect(await beta.run('ip netns exec lan3 ping -q -c 2 -i 0.2 -W 5 192.168.1.1')).not.toContain(lost);
    expect((await beta.exec('ip netns exec lan2 ping -q -c 1 -W 1 10.9.0.1')).status).not.toBe(0);
  });

  it('serve names and messages: dnsmasq and mosquitto start', async () => {
    await beta.run('dnsmasq --no-resolv --address=/router.lab/10.9.0.2 && mosquitto -d -p 1883');
    expect(await beta.run('nslookup -type=a router.lab 127.0.0.1')).toContain('10.9.0.2');
    await expect.poll(() => beta.run('netstat -ltn'), { timeout: 5000 }).toContain('127.0.0.1:1883');
  });
});

describe('a guest that ends and starts again', () => {
  const bootId = (guest: Guest): Promise<string> => guest.run('cat /proc/sys/kernel/random/boot_id');

  it('keeps its files over a reboot, loses what was in memory, and is on the hub again', async () => {
    const before = await bootId(alpha);
    await alpha.run('echo kept >/root/kept; echo changed >/etc/secret; echo gone >/tmp/gone');
    await timed('reboot', () => alpha.reboot());
    expect(await bootId(alpha)).not.toBe(before);
    expect(await alpha.run('cat /root/kept /etc/secret /root/boots; ls /tmp/gone 2>&1 || true')).toBe(
      'kept\nchanged\nup\nup\nls: /tmp/gone: No such file or directory\n',
    );
    expect(await alpha.run('ping -c 1 -W 5 10.9.0.2')).toContain(' 0% packet loss');
  });

  it('keeps over a power cut what was synced, and not what was only written', async () => {
    await alpha.run('echo synced >/root/synced && sync');
    await alpha.run('echo lost >/root/lost');
    await timed('power cut', () => alpha.powerCut());
    expect(await alpha.run('cat /root/synced; cat /root/lost 2>/dev/null || true')).toBe('synced\n');
    expect(await alpha.run('wc -l </root/boots')).toBe('3\n');
  });

  it('says so when its kernel panics, and can be started again', async () => {
    await expect(beta.run('echo c >/proc/sysrq-trigger')).rejects.toThrow(
      /beta: .*got the end of the guest\nQEMU: .*\nthe end of .*beta\.serial\.log:\n[^]*sysrq triggered crash/,
    );
    await expect(beta.run('true')).rejects.toThrow(/got the end of the guest/);
    await beta.powerCut();
    expect(await beta.run('echo alive')).toBe('alive\n');
  });
});
