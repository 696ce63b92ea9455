/**
 * Rules, chains and sets, each both as nft reads it and as `nft -j list` must show it afterwards.
 * Specified in nft(8) and libnftables-json(5).
 */
import { canonical, type NftChain } from '../wire/nft-json.ts';

/** A rule as nft reads it, and the expressions that nft lists for it. */
export interface Rule {
  readonly text: string;
  readonly expr: readonly object[];
}
export interface Hook {
  readonly type: 'filter' | 'nat';
  readonly hook: 'input' | 'forward' | 'output' | 'postrouting';
  readonly priority: number;
}
export interface Chain {
  /** `undefined` for a chain that only jumps enter. */
  readonly hook?: Hook;
  readonly rules: readonly Rule[];
}
export type Chains = ReadonlyMap<string, Chain>;

export const meta = (key: string): object => ({ meta: { key } });
export const equals = (left: object, right: unknown): object => ({ match: { op: '==', left, right } });
export const differs = (left: object, right: unknown): object => ({ match: { op: '!=', left, right } });
export const within = (left: object, right: unknown): object => ({ match: { op: 'in', left, right } });
export const payload = (protocol: string, field: string): object => ({ payload: { protocol, field } });

/** A flow is in one flowtable at most, and the devices of this one carry none of ours. */
export const kept: Rule = { text: 'flow add @kept', expr: [{ flow: { op: 'add', flowtable: '@kept' } }] };
export const keptDevices: readonly string[] = ['lo'];

export const dropped: Rule = { text: 'drop', expr: [{ drop: null }] };

/** Rules are written in halves: conditions, then what becomes of the packet. */
export function rule(...halves: readonly Rule[]): Rule {
  return { text: halves.map(({ text }) => text).join(' '), expr: halves.flatMap(({ expr }) => expr) };
}
export const accept: Rule = { text: 'accept', expr: [{ accept: null }] };
export const jump = (target: string): Rule => ({ text: `jump ${target}`, expr: [{ jump: { target } }] });
export const goto = (target: string): Rule => ({ text: `goto ${target}`, expr: [{ goto: { target } }] });
export const l4 = (name: string | readonly string[]): Rule => {
  const [text, value] = typeof name === 'string' ? [name, name] : [`{ ${name.join(', ')} }`, { set: name }];
  return { text: `meta l4proto ${text}`, expr: [equals(meta('l4proto'), value)] };
};
export const direction = (name: 'original' | 'reply'): Rule => ({
  text: `ct direction ${name}`,
  expr: [equals({ ct: { key: 'direction' } }, name)],
});
export const related: Rule = { text: 'ct state related', expr: [within({ ct: { key: 'state' } }, 'related')] };
/** No route to the source leaves by the device that the packet came in by. */
export const strayed: Rule = {
  text: 'fib saddr . iif oif 0',
  expr: [equals({ fib: { result: 'oif', flags: ['saddr', 'iif'] } }, 0)],
};
export const invalid: Rule = { text: 'ct state invalid', expr: [within({ ct: { key: 'state' } }, 'invalid')] };

/** `iifname "rn0"`, `oifname @uplinks`. */
export function device(side: 'iifname' | 'oifname', op: '==' | '!=', name: string): Rule {
  const value = name.startsWith('@') ? name : `"${name}"`;
  const expr = op === '==' ? equals(meta(side), name) : differs(meta(side), name);
  return { text: `${side} ${op === '==' ? '' : '!= '}${value}`, expr: [expr] };
}

export const setMark = (bit: number): Rule => ({
  text: `meta mark set meta mark | ${bit}`,
  expr: [{ mangle: { key: meta('mark'), value: { '|': [meta('mark'), bit] } } }],
});
export const hasMark = (bit: number): Rule => ({
  text: `meta mark & ${bit} == ${bit}`,
  expr: [equals({ '&': [meta('mark'), bit] }, bit)],
});

export function renderRules(table: string, name: string, rules: readonly Rule[]): string {
  return rules.map(({ text }) => `add rule ${table} ${name} ${text}\n`).join('');
}

function renderChain(table: string, name: string, { hook, rules }: Chain): string {
  const place = hook && `type ${hook.type} hook ${hook.hook} priority ${hook.priority}; policy accept; `;
  return `add chain ${table} ${name} { ${place ?? ''}}\n${renderRules(table, name, rules)}`;
}

export function renderChains(table: string, chains: Chains): string {
  return [...chains].map(([name, chain]) => renderChain(table, name, chain)).join('');
}

/** As the kernel must show them. */
export function listed(chains: Chains): ReadonlyMap<string, NftChain> {
  return new Map(
    [...chains].map(([name, { hook, rules }]) => {
      const shown = { rules: rules.map(({ expr }) => canonical(expr)) };
      return [name, hook === undefined ? shown : { hook: { ...hook, policy: 'accept' }, ...shown }];
    }),
  );
}
