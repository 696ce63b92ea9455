/**
 * Rules that services leave with procd instead of writing them to UCI.
 * In: the answer of `service get_data { type: "firewall" }`. Out: the same as sections, which fw4 reads before those of
 * the file; their names are fw4's own. Specified in read_ubus of fw4.uc; what instances say is not read here.
 */
import type { JsonTable } from '../../../agent/src/wire/blobmsg.ts';
import type { UciSection, UciValue } from '../uci/file.ts';

export function serviceSections(data: JsonTable): readonly UciSection[] {
  return Object.entries(data).flatMap(([service, given]) => {
    const { firewall } = given as JsonTable;
    if (!Array.isArray(firewall)) return [];
    return (firewall as readonly JsonTable[]).map(({ type = 'rule', ...rest }, at): UciSection => {
      const name = `ubus:${service} ${String(type)} ${at}`;
      const options = Object.entries({ ...rest, name }) as [string, UciValue][];
      return { name, type: String(type), anonymous: false, options: new Map(options) };
    });
  });
}
