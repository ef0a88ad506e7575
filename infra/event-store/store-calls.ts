/**
 * The calls that a store makes to its server, for whoever counts them (`bench profile`): published
 * on a diagnostics channel of Node. Without a subscriber a call costs a look at a flag.
 */
import { channel } from 'node:diagnostics_channel';
import type { StreamName } from '../../contracts/streams.js';
import type { LogReader } from './log-reader.js';

export interface StoreCall {
  /** `hint`: what the read models say of a stream, in place of a look at it. */
  readonly kind: 'append' | 'stream' | 'log' | 'payloads';
  /** Types of the events that are appended, the stream that is read, or refs of payloads. */
  readonly about: readonly string[];
  /** Settled when the answer is there. */
  readonly ended: Promise<unknown>;
}

export const STORE_CALLS = 'modelroute:store-calls';

const calls = channel(STORE_CALLS);

/** Makes the call. */
export function storeCall<T>(
  kind: StoreCall['kind'],
  about: () => readonly string[],
  call: () => Promise<T>,
): Promise<T> {
  if (!calls.hasSubscribers) return call();
  const ended = call();
  calls.publish({ kind, about: about(), ended } satisfies StoreCall);
  return ended;
}

interface Appended {
  readonly stream: StreamName;
  readonly events: readonly { readonly type: string }[];
}

export const typesIn = (appends: readonly Appended[]): readonly string[] =>
  appends.flatMap(({ events }) => events.map(({ type }) => type));

export function countedReader(reader: LogReader): LogReader {
  const log = (name: string) => () => [name];
  return {
    stream: (stream, options) =>
      storeCall(
        'stream',
        () => [stream],
        () => reader.stream(stream, options),
      ),
    page: (after, limit, filter) =>
      storeCall('log', log('page'), () => reader.page(after, limit, filter)),
    at: (places) => storeCall('log', log('at'), () => reader.at(places)),
    newest: (limit) => storeCall('log', log('newest'), () => reader.newest(limit)),
    head: () => storeCall('log', log('head'), () => reader.head()),
    place: (position) => storeCall('log', log('place'), () => reader.place(position)),
  };
}
