/**
 * Snapshots of streams that have no natural end: their state, plain data, is written beside the log
 * now and then, so that a first read costs the same at any age.
 */
import type { StreamName } from '../contracts/streams.js';
import { isOutage } from '../infra/event-store/outage.js';
import type { EventStore } from '../infra/event-store/port.js';

interface Snapshots<S> {
  /** Undefined where there is none of this version. */
  read(stream: StreamName): Promise<AtRevision<S> | undefined>;
  /** Where enough was added since that revision. One that cannot be written is only missed. */
  write(stream: StreamName, reached: AtRevision<S>, since: number): Promise<void>;
}

interface AtRevision<S> {
  readonly state: S;
  readonly revision: number;
}

/** Events of a stream between two snapshots of its state. */
const EVERY = 500;

export function openSnapshots<S>(store: EventStore, version: number): Snapshots<S> {
  return {
    async read(stream) {
      const snapshot = await store.readSnapshot(stream);
      if (snapshot?.version !== version) return undefined;
      return { state: JSON.parse(snapshot.state) as S, revision: snapshot.revision };
    },
    async write(stream, { state, revision }, since) {
      if (spanOf(revision) === spanOf(since)) return;
      try {
        await store.writeSnapshot(stream, { revision, version, state: JSON.stringify(state) });
      } catch (error) {
        if (!isOutage(error)) throw error;
      }
    },
  };
}

const spanOf = (revision: number): number => Math.floor((revision + 1) / EVERY);
