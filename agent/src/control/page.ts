/**
 * A list as ubus can carry it. In: rows, and which of them are asked for. Out: as many as fit, and where the next ones
 * begin. ubusd takes 1 MiB a message; a browser that polls a small router should get less than 64 KB.
 */
import { encodeUtf8 } from '../wire/utf8.ts';
import type { JsonObject } from './ports.ts';

/** Of JSON: blobmsg adds headers and padding to each value, a fifth of it where rows are like ours. */
const maxPageBytes = 40 * 1024;
const maxPageRows = 200;

export interface Page {
  readonly rows: readonly JsonObject[];
  /** Where the next page begins; not there after the last one. */
  readonly next?: number;
}

/** Anything but a whole number from 0 on means 0. */
export function offsetOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** At most `limit` rows; one at least, however large, so that whoever asks on comes to an end. */
export function pageOf(rows: readonly JsonObject[], offset: unknown, limit?: unknown): Page {
  const first = offsetOf(offset);
  const most = Math.min(offsetOf(limit) || maxPageRows, maxPageRows);
  const page: JsonObject[] = [];
  let bytes = 0;
  for (const row of rows.slice(first, first + most)) {
    bytes += encodeUtf8(JSON.stringify(row)).length + 1;
    if (bytes > maxPageBytes && page.length > 0) break;
    page.push(row);
  }
  const next = first + page.length;
  return next < rows.length && page.length > 0 ? { rows: page, next } : { rows: page };
}
