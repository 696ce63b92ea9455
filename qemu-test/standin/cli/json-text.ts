/**
 * JSON as OpenWrt's tools print it.
 * In: a value. Out: indented by tabs with a line in every empty table and list, or on one line. Specified in libubox's
 * blobmsg_json.c; seen in openwrt-25.12-ubus-objects.md.
 */
import type { JsonTable, JsonValue } from '../../../agent/src/wire/blobmsg.ts';

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function indented(value: JsonValue, depth: number): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const inner = '\t'.repeat(depth + 1);
  const items = isList(value)
    ? value.map((item) => indented(item, depth + 1))
    : Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${indented(item, depth + 1)}`);
  const [open, close] = isList(value) ? ['[', ']'] : ['{', '}'];
  return `${open}\n${inner}${items.join(`,\n${inner}`)}\n${'\t'.repeat(depth)}${close}`;
}

export function indentedJson(value: JsonTable): string {
  return indented(value, 0);
}
