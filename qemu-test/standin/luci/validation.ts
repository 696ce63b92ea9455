/**
 * LuCI's `validation`, of which our forms use a part. In: a datatype (`or(port,"auto")`), a text. Out: whether it is one.
 */
const octet = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const ipv4 = new RegExp(`^${octet}(?:\\.${octet}){3}$`);

function isCidr(text: string): boolean {
  const [address = '', length = ''] = text.split('/');
  if (!/^\d+$/.test(length)) return false;
  if (ipv4.test(address)) return Number(length) <= 32;
  return /^[0-9a-f:.]+$/i.test(address) && address.includes(':') && Number(length) <= 128;
}

const kinds: Readonly<Record<string, (text: string, args: readonly string[]) => boolean>> = {
  uinteger: (text) => /^\d+$/.test(text),
  range: (text, [least, most]) => /^\d+$/.test(text) && Number(text) >= Number(least) && Number(text) <= Number(most),
  port: (text) => /^\d+$/.test(text) && Number(text) <= 65535,
  cidr: isCidr,
  uciname: (text) => /^\w+$/.test(text),
  maxlength: (text, [most]) => text.length <= Number(most),
  string: () => true,
  or: (text, args) => args.some((each) => isOf(each, text)),
  and: (text, args) => args.every((each) => isOf(each, text)),
};

function split(args: string): string[] {
  const parts: string[] = [];
  let [depth, part] = [0, ''];
  for (const character of args) {
    depth += character === '(' ? 1 : character === ')' ? -1 : 0;
    if (character === ',' && depth === 0) {
      parts.push(part.trim());
      part = '';
    } else part += character;
  }
  return [...parts, part.trim()];
}

export function isOf(datatype: string, text: string): boolean {
  const literal = /^["'](.*)["']$/.exec(datatype);
  if (literal !== null) return literal[1] === text;
  const [, name = '', args] = /^(\w+)(?:\((.*)\))?$/.exec(datatype) ?? [];
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (kind === undefined) throw new Error(`validation: wanted one of ${Object.keys(kinds).join(' ')}, got ${datatype}`);
  return kind(text, args === undefined ? [] : split(args));
}
