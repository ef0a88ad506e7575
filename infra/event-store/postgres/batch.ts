/**
 * A batch of units as the parameters of the two ways to append it, and the answers as outcomes.
 * `eventstore.append` lands all or nothing, `eventstore.append_one_by_one` sorts out the rest.
 */
import type { EncodedEvent, LogRow } from '../codec.js';
import { NO_STREAM, type AppendOutcome } from '../port.js';
import type { EncodedUnit } from '../unit.js';
import { byteaArray, int4Array, textArray, uuidArray } from './binary-arrays.js';

export interface Batch {
  readonly units: readonly EncodedUnit[];
  /** Whether all of it can land: no stream is appended to twice at odds. */
  readonly straight: boolean;
  straightParameters(): Buffer[];
  carefulParameters(): Buffer[];
}

export const straightSql = `
  SELECT eventstore.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS previous`;

export const carefulSql = `
  SELECT statuses, revisions, positions
  FROM eventstore.append_one_by_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`;

export function batchOf(units: readonly EncodedUnit[]): Batch {
  const a = { unit: [] as number[], stream: [] as string[], expected: [] as number[] };
  const h = { stream: [] as string[], revision: [] as number[] };
  const e = { stream: [] as string[], revision: [] as number[] };
  const first: number[] = [];
  const events: EncodedEvent[] = [];
  const ends = new Map<string, number>();
  let straight = true;

  units.forEach((unit, index) => {
    for (const append of unit.appends) {
      const { stream, expectedRevision } = append;
      const end = ends.get(stream);
      if (end !== undefined && end !== expectedRevision) straight = false;
      ends.set(stream, expectedRevision + append.events.length);
      if (end === undefined && expectedRevision !== NO_STREAM) {
        h.stream.push(stream);
        h.revision.push(expectedRevision);
      }
      a.unit.push(index);
      a.stream.push(stream);
      a.expected.push(expectedRevision);
      first.push(events.length + 1);
      let revision = expectedRevision;
      for (const event of append.events) {
        e.stream.push(stream);
        e.revision.push(++revision);
        events.push(event);
      }
    }
  });

  return {
    units,
    straight,
    straightParameters: () => [
      textArray(h.stream),
      int4Array(h.revision),
      textArray(e.stream),
      int4Array(e.revision),
      ...eventArrays(events),
      ...payloadArrays(units),
    ],
    carefulParameters: () => [
      int4Array(a.unit),
      textArray(a.stream),
      int4Array(a.expected),
      int4Array(first),
      ...eventArrays(events),
      int4Array(units.flatMap(({ payloads }, index) => payloads.map(() => index))),
      ...payloadArrays(units),
    ],
  };
}

function eventArrays(events: readonly EncodedEvent[]): Buffer[] {
  return [
    uuidArray(events.map(({ id }) => id)),
    textArray(events.map(({ type }) => type)),
    textArray(events.map(({ data }) => data)),
    textArray(events.map(({ metadata }) => metadata)),
  ];
}

function payloadArrays(units: readonly EncodedUnit[]): Buffer[] {
  const payloads = units.flatMap((unit) => unit.payloads);
  return [
    textArray(payloads.map(({ ref }) => ref)),
    textArray(payloads.map(({ organizationId }) => organizationId)),
    byteaArray(payloads.map(({ bytes }) => bytes)),
  ];
}

/** The rows of a batch that landed behind `previous`, without asking for them. */
export function rowsOf(units: readonly EncodedUnit[], previous: bigint): LogRow[] {
  const rows: LogRow[] = [];
  let position = previous;
  for (const unit of units) {
    for (const { stream, expectedRevision, events } of unit.appends) {
      let revision = expectedRevision;
      for (const { id, type, data, metadata, appended } of events) {
        position += 1n;
        revision++;
        rows.push({ position, stream, revision, id, type, data, metadata, appended });
      }
    }
  }
  return rows;
}

/** One list of outcomes per unit of a batch that landed behind `previous`. */
export function landedOutcomes(
  units: readonly EncodedUnit[],
  previous: bigint,
): readonly (readonly AppendOutcome[])[] {
  let position = previous;
  return units.map(({ appends }) =>
    appends.map(({ expectedRevision, events }) => {
      position += BigInt(events.length);
      return { status: 'appended', revision: expectedRevision + events.length, position };
    }),
  );
}

/** What `append_one_by_one` answers: one element per append. */
export interface CarefulAnswer {
  readonly statuses: readonly (1 | 2 | 3 | 4)[];
  readonly revisions: readonly number[];
  readonly positions: readonly (string | null)[];
}

export function carefulOutcomes(
  units: readonly EncodedUnit[],
  { statuses, revisions, positions }: CarefulAnswer,
): readonly (readonly AppendOutcome[])[] {
  let index = -1;
  return units.map(({ appends }) =>
    appends.map((): AppendOutcome => {
      index++;
      const revision = revisions[index] ?? NO_STREAM;
      const status = statuses[index];
      if (status === 4) return { status: 'skipped' };
      if (status === 3) return { status: 'conflict', actualRevision: revision };
      return { status: 'appended', revision, position: BigInt(positions[index] ?? '') };
    }),
  );
}
