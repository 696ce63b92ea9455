/**
 * The stand-in of firewall4 renders what fw4 rendered.
 * In: /etc/config/firewall of the stand-in, which is OpenWrt's default, and recorded additions. Out: text compared with
 * qemu-test/standin/vectors/*.nft byte for byte.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { renderRuleset } from '../../../qemu-test/standin/fw4/render.ts';
import type { Network } from '../../../qemu-test/standin/fw4/zones.ts';
import { serviceSections } from '../../../qemu-test/standin/fw4/service-rules.ts';
import { parseUci } from '../../../qemu-test/standin/uci/file.ts';

function text(path: string): string {
  return readFileSync(new URL(`../../../qemu-test/standin/${path}`, import.meta.url), 'utf8');
}

const networks: ReadonlyMap<string, Network> = new Map([
  ['lan', { device: 'br-lan', subnets: ['192.168.1.0/24', 'fda7:f927:79d6::/60'] }],
  ['wan', { device: 'eth1', subnets: ['10.0.2.0/24'] }],
  ['wan6', { device: 'eth1', subnets: [] }],
  ['rn0', { device: 'rn0', subnets: [] }],
]);

function render(config: string, devices = networks, data = {}): { ruleset: string; warnings: string[] } {
  const warnings: string[] = [];
  const ruleset = renderRuleset([...serviceSections(data), ...parseUci(config)], devices, (message) =>
    warnings.push(message),
  );
  return { ruleset, warnings };
}

/** The lines of a chain. */
function chain(ruleset: string, name: string): string[] {
  const [, body = ''] = new RegExp(`\\tchain ${name} \\{\\n([\\s\\S]*?)\\n\\t\\}`).exec(ruleset) ?? [];
  return body.split('\n').map((line) => line.trim());
}

const defaults = text('root/etc/config/firewall');
const closedZone = `
config zone 'rustynet'
	option name 'rustynet'
	list network 'rn0'
	option input 'REJECT'
	option output 'REJECT'
	option forward 'REJECT'
`;

function markRule(options: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ ...options, proto: 'all', target: 'ACCEPT', mark: '0x8000000/0x8000000' });
  return `\nconfig rule\n\toption name 'm'\n${lines.map(([name, value]) => `\toption ${name} '${value}'\n`).join('')}`;
}

it.each([
  ["OpenWrt's default configuration", defaults, 'vectors/default.nft'],
  ['a zone mesh with forwardings to and from lan', defaults + text('vectors/zone-mesh.uci'), 'vectors/zone-mesh.nft'],
])('%s renders byte for byte', (_sentence, config, vector) => {
  expect(render(config)).toEqual({ ruleset: text(vector), warnings: [] });
});

const marked = 'meta mark and 0x8000000 == 0x8000000 counter';
it.each([
  ['src zone', { src: 'rustynet' }, 'input_rustynet', `${marked} accept comment "!fw4: m"`],
  ['src zone, dest any', { src: 'rustynet', dest: '*' }, 'forward_rustynet', `${marked} accept comment "!fw4: m"`],
  [
    'src any, dest zone',
    { src: '*', dest: 'rustynet' },
    'forward',
    `${marked} jump accept_to_rustynet comment "!fw4: m"`,
  ],
  ['dest zone', { dest: 'rustynet' }, 'output_rustynet', `${marked} jump accept_to_rustynet comment "!fw4: m"`],
])('a rule with a mark: %s', (_sentence, options, name, line) => {
  const { ruleset, warnings } = render(defaults + closedZone + markRule(options));
  expect(warnings).toEqual([]);
  expect(chain(ruleset, name)).toContain(line);
  expect(ruleset.split(marked)).toHaveLength(2);
});

it('a zone whose network is down is jumped to by nobody', () => {
  const { ruleset } = render(
    defaults + closedZone,
    new Map([...networks, ['rn0', { device: undefined, subnets: [] }]]),
  );
  expect(ruleset).not.toContain('jump input_rustynet');
  expect(chain(ruleset, 'input_rustynet')).toEqual(['jump reject_from_rustynet']);
});

it('what has no effect here is said', () => {
  const { warnings } = render(
    `${defaults}\nconfig redirect 'r'\n\nconfig rule 'x'\n\toption src 'lan'\n\toption utc_time '1'\n`,
  );
  expect(warnings).toEqual([
    'redirect r: the stand-in does not render sections of this type',
    'rule x: the stand-in does not render option utc_time',
  ]);
});

it('a rule that a service left with procd stands before those of the file, under the name that fw4 gives it', () => {
  const port = { type: 'rule', src: 'wan', proto: 'udp', dest_port: '51820', target: 'ACCEPT' };
  const { ruleset, warnings } = render(defaults, networks, { rustynet: { firewall: [port] }, other: { mdns: {} } });
  expect(warnings).toEqual([]);
  const [first] = chain(ruleset, 'input_wan');
  expect(first).toBe('udp dport 51820 counter accept comment "!fw4: ubus:rustynet rule 0"');
});
