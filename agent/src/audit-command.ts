/**
 * `rustynet audit show|verify|export`. In: the daemon's pages of its log. Out: data for programs, lines for people; 5 is
 * the exit status of a log that is not whole.
 */
import type { JsonObject } from './control/ports.ts';
import { time } from './trust/times.ts';

type Ask = (args: JsonObject) => Promise<JsonObject>;
interface Answer {
  readonly data: JsonObject;
  readonly status: number;
}
interface Page {
  readonly segment: string | null;
  readonly text: string;
  readonly next?: string;
  readonly waiting?: string;
  readonly head?: string;
}

export const auditWords = ['show', 'verify', 'export'];

async function pagesOf(ask: Ask): Promise<readonly Page[] | JsonObject> {
  const pages: Page[] = [];
  for (let args: JsonObject = {}; ;) {
    const answer = await ask(args);
    if (answer['error'] !== undefined) return answer;
    const page = answer as unknown as Page;
    pages.push(page);
    if (page.next === undefined) return pages;
    args = { segment: page.next };
  }
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** What somebody put there in place of a line is shown as it is. */
function parsed(line: string): JsonObject {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value as JsonObject;
  } catch {
    // As any other text that is none of ours.
  }
  return { unreadable: line.slice(0, 80) };
}

export async function askAudit(ask: Ask, what: string): Promise<Answer> {
  if (what === 'verify') {
    const data = await ask({ verify: true });
    return { data, status: data['error'] !== undefined ? 1 : data['whole'] === true ? 0 : 5 };
  }
  const pages = await pagesOf(ask);
  if (!Array.isArray(pages)) return { data: pages as JsonObject, status: 1 };
  const all = pages as readonly Page[];
  const last = all.at(-1);
  if (what === 'export') {
    const segments = all.map(({ segment, text }) => ({ segment, text }));
    return { data: { segments, head: last?.head ?? '' }, status: 0 };
  }
  const entries = all.flatMap(({ text }) => linesOf(text).map(parsed)).filter(({ event }) => event !== 'checkpoint');
  return { data: { entries, waiting: linesOf(last?.waiting ?? '').map(parsed) }, status: 0 };
}

function shown(entry: JsonObject, mark: string): string {
  const { at, clock, event, unreadable, ...rest } = entry;
  if (unreadable !== undefined) return `?  not a line of the log: ${JSON.stringify(unreadable)}`;
  const fields = Object.entries(rest).filter(([name]) => !['seq', 'previous', 'sig'].includes(name));
  const words = fields.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const when = `${time(at)} ${clock === 'ntp' ? '' : `(clock ${clock}) `}`;
  // We write no control character; whoever edits the file may, and this goes to a terminal.
  return `${mark}${when}${[String(event), ...words].join(' ')}`.replaceAll(/\p{Cc}/gu, '\ufffd');
}

/** Text without a line feed at its end. */
export function auditText(what: string, data: JsonObject): string {
  if (what === 'export') {
    const segments = data['segments'] as unknown as readonly Page[];
    return [...segments.map(({ text }) => text), String(data['head'])].join('');
  }
  if (what === 'show') {
    const [entries, waiting] = [data['entries'], data['waiting']] as unknown as [JsonObject[], JsonObject[]];
    return [
      ...entries.map((each) => shown(each, '')),
      ...waiting.map((each) => shown(each, 'not on flash yet: ')),
    ].join('\n');
  }
  const { seq, digest } = data['head'] as JsonObject;
  const head = `head ${seq} ${digest}`;
  if (data['whole'] === true) {
    return `whole: ${data['lines']} lines in ${data['segments']} segments since ${time(data['oldest'])}, ${head}`;
  }
  const { segment, line, detail } = data['finding'] as JsonObject;
  return `NOT WHOLE: segment ${segment}, line ${line}: ${detail}`;
}
