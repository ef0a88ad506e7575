/** Server-sent events, as HTML defines them: what `EventSource` reads, and resumes by itself. */
import type { ApiRequest } from './route.js';

/** No proxy on the way may keep the stream back, or change it. */
export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
  vary: 'Accept',
};

/** How long a reader waits before it connects again. */
const RETRY_MS = 2_000;

export const STREAM_BEGINS = `retry: ${RETRY_MS}\n\n`;

/** Below the half minute after which many proxies hang up. */
export const KEEP_ALIVE_MS = 15_000;

/** Then its reader connects again: to a process that may be another one by then. */
export const STREAM_MS_MAX = 15 * 60_000;

/** A comment: proxies and readers see that the connection lives. */
export const KEEP_ALIVE = ': keep-alive\n\n';

interface StreamEvent {
  /** What `Last-Event-ID` names; an event without one moves no reader on. */
  readonly id?: number;
  readonly event: string;
  readonly data: unknown;
}

export function eventText({ id, event, data }: StreamEvent): string {
  const name = id === undefined ? '' : `id: ${id}\n`;
  return `${name}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

const sequence = /^\d+$/;

/** More entries than any timeline has. */
const DIGITS_MAX = 9;

/** 0 without the header (or with an empty one), undefined for what is no id of a stream of ours. */
export function lastEventIdOf(
  request: Pick<ApiRequest, 'header'>,
  digitsMax = DIGITS_MAX,
): number | undefined {
  const given = request.header('last-event-id') ?? '';
  if (given === '') return 0;
  return sequence.test(given) && given.length <= digitsMax ? Number(given) : undefined;
}
