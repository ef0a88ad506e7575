/** Which events of $all a reader wants, decided once for each stream or type. */
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import type { EventIndex } from './event-index.js';

export interface EventFilter {
  matches(index: number): boolean;
  /** So many events are looked at for one page. */
  readonly windowEvents: number;
  /** A checkpoint is sent each time so many events were considered. */
  readonly checkpointEvents: number;
}

/** How many events the server looks at together when the client does not say. */
const WINDOW_EVENTS = 32;

/** Throws a SyntaxError for a regular expression that is none. */
export function eventFilter(
  options: ReadReq.Options.FilterOptions,
  index: EventIndex,
): EventFilter {
  const onStream = options.getStreamIdentifier();
  const expression = onStream ?? options.getEventType();
  const isWanted = nameTest(expression?.getRegex() ?? '', expression?.getPrefixList() ?? []);
  const names = onStream ? index.streamNames : index.typeNames;
  const numberAt = (at: number) => (onStream ? index.streamNumberAt(at) : index.typeNumberAt(at));
  const remembered: boolean[] = [];
  const window = options.hasMax() ? options.getMax() : WINDOW_EVENTS;
  return {
    matches: (at) => {
      const number = numberAt(at);
      return (remembered[number] ??= isWanted(names[number] ?? ''));
    },
    windowEvents: Math.max(1, window),
    checkpointEvents: Math.max(1, options.getCheckpointintervalmultiplier() * window),
  };
}

function nameTest(regex: string, prefixes: readonly string[]): (name: string) => boolean {
  if (regex === '') return (name) => prefixes.some((prefix) => name.startsWith(prefix));
  const pattern = new RegExp(regex);
  return (name) => pattern.test(name);
}
