/**
 * The log is a log: positions ascend, each stream's revisions follow one another from 0, and no
 * event stands in a stream twice. Streams that came to their end are forgotten, so whatever comes
 * after it is an event that follows nothing.
 */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { categoryOf, type Category, type StreamName } from '../../contracts/streams.js';
import type { Findings, Invariant } from '../findings.js';

export interface Order {
  /** False: the event is out of order and is not audited further. */
  fits(event: RecordedEvent<AnyEvent>): boolean;
  /** The stream has come to its end. */
  forget(stream: StreamName): void;
}

interface Head {
  revision: number;
  /** Of the newest events: a repeated append repeats recent ones. */
  readonly ids: string[];
}

const IDS_MAX = 64;

/** Where an event after the end, or without a beginning, breaks more than the log's order. */
const brokenBy: Partial<Record<Category, Invariant>> = { execution: 'I1', delivery: 'I5' };

/** What is over goes on with it. */
const GOES_ON = 'RedeliveryRequested';

/** Streams of one event: nothing follows. */
const isSingle: Partial<Record<Category, true>> = { movement: true };

export function openOrder(findings: Findings): Order {
  const heads = new Map<StreamName, Head>();
  let last: bigint | undefined;

  /** Of a stream that is not open: it begins here, or this event follows nothing. */
  function begin({ stream, revision, type, id }: RecordedEvent<AnyEvent>): boolean {
    const category = categoryOf(stream);
    if (revision !== 0 && type !== GOES_ON) {
      const invariant = brokenBy[category] ?? 'log';
      const problem = `${type} at revision ${revision} comes after the end, or follows nothing`;
      findings.add(invariant, stream, problem);
      if (brokenBy[category]) return false;
    }
    if (!isSingle[category]) heads.set(stream, { revision, ids: [id] });
    return true;
  }

  return {
    fits(event) {
      const { stream, revision, position, type, id } = event;
      if (last !== undefined && position <= last)
        findings.add('log', stream, `position ${position} comes after position ${last}`);
      last = position;
      const head = heads.get(stream);
      if (!head) return begin(event);
      if (head.ids.includes(id)) findings.add('log', stream, `event id ${id} stands there twice`);
      head.ids.push(id);
      if (head.ids.length > IDS_MAX) head.ids.shift();
      if (revision !== head.revision + 1)
        findings.add('log', stream, `${type} is revision ${revision}, after ${head.revision}`);
      if (revision <= head.revision) return false;
      head.revision = revision;
      return true;
    },
    forget: (stream) => void heads.delete(stream),
  };
}
