/** A body of server-sent events (WHATWG HTML, 9.2), read once it is whole. */

export interface SseEvent {
  /** `message` where the stream names none. */
  readonly event: string;
  readonly data: string;
}

/** An event that no blank line ends is taken too: some servers leave the last one out. */
export function sseEventsOf(body: string): SseEvent[] {
  const events: SseEvent[] = [];
  let event = '';
  let data: string[] = [];
  const dispatch = () => {
    if (data.length > 0) events.push({ event: event || 'message', data: data.join('\n') });
    event = '';
    data = [];
  };
  for (const line of body.replace(/^\ufeff/, '').split(/\r\n|\n|\r/)) {
    if (line === '') dispatch();
    const [, name, value = ''] = /^(\w+)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === 'data') data.push(value);
    if (name === 'event') event = value;
  }
  dispatch();
  return events;
}

/** Whether a body is a stream, by its media type or, where a server misnames it, by its start. */
export const isSse = (contentType: string | undefined, body: string): boolean =>
  /^text\/event-stream\b/i.test(contentType ?? '') ||
  /^\ufeff?\s*(data|event|id|retry)?:/.test(body);
