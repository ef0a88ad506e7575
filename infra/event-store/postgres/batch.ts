/** A batch of units as the parameters of `eventstore.append`, and its answer as outcomes. */
import type { LogRow } from '../codec.js';
import type { AppendOutcome } from '../port.js';
import type { EncodedUnit } from '../unit.js';
import { boolArray, byteaArray, int4Array, textArray, uuidArray } from './binary-arrays.js';

export const appendSql = `
  SELECT previous, statuses, revisions, positions
  FROM eventstore.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`;

export function appendParameters(units: readonly EncodedUnit[]): unknown[] {
  const a = {
    unit: [] as number[],
    stream: [] as string[],
    expected: [] as number[],
    chained: [] as boolean[],
    first: [] as number[],
  };
  const e = {
    stream: [] as string[],
    revision: [] as number[],
    id: [] as string[],
    type: [] as string[],
    data: [] as string[],
    metadata: [] as string[],
  };
  const p = {
    unit: [] as number[],
    ref: [] as string[],
    org: [] as string[],
    bytes: [] as Buffer[],
  };
  const heads = new Map<string, number>();
  let straight = true;

  units.forEach((unit, index) => {
    for (const { stream, expectedRevision, events } of unit.appends) {
      const head = heads.get(stream);
      heads.set(stream, expectedRevision + events.length);
      if (head !== undefined && head !== expectedRevision) straight = false;
      a.unit.push(index);
      a.stream.push(stream);
      a.expected.push(expectedRevision);
      a.chained.push(head !== undefined);
      a.first.push(e.id.length + 1);
      let revision = expectedRevision;
      for (const event of events) {
        e.stream.push(stream);
        e.revision.push(++revision);
        e.id.push(event.id);
        e.type.push(event.type);
        e.data.push(event.data);
        e.metadata.push(event.metadata);
      }
    }
    for (const payload of unit.payloads) {
      p.unit.push(index);
      p.ref.push(payload.ref);
      p.org.push(payload.organizationId);
      p.bytes.push(payload.bytes);
    }
  });

  return [
    ...[int4Array(a.unit), textArray(a.stream), int4Array(a.expected), boolArray(a.chained)],
    ...[int4Array(a.first), textArray(e.stream), int4Array(e.revision), uuidArray(e.id)],
    ...[textArray(e.type), textArray(e.data), textArray(e.metadata)],
    ...[int4Array(p.unit), textArray(p.ref), textArray(p.org), byteaArray(p.bytes), straight],
  ];
}

/** The row that `eventstore.append` answers; the arrays are null when everything landed. */
export interface AppendAnswer {
  readonly previous: string;
  readonly statuses: readonly (1 | 2 | 3 | 4)[] | null;
  readonly revisions: readonly number[] | null;
  readonly positions: readonly (string | null)[] | null;
}

/** One list of outcomes per unit, in order. */
export function outcomesOf(
  units: readonly EncodedUnit[],
  { previous, statuses, revisions, positions }: AppendAnswer,
): readonly (readonly AppendOutcome[])[] {
  let at = BigInt(previous);
  let index = -1;
  return units.map((unit) =>
    unit.appends.map(({ expectedRevision, events }): AppendOutcome => {
      index++;
      const status = statuses?.[index];
      const revision = revisions?.[index] ?? expectedRevision + events.length;
      if (status === 4) return { status: 'skipped' };
      if (status === 3) return { status: 'conflict', actualRevision: revision };
      at += BigInt(events.length);
      const position = positions?.[index];
      return { status: 'appended', revision, position: position ? BigInt(position) : at };
    }),
  );
}

/** The rows of a batch of which everything landed, without asking for them. */
export function rowsOf(units: readonly EncodedUnit[], previous: bigint): LogRow[] {
  const rows: LogRow[] = [];
  let position = previous;
  for (const unit of units) {
    for (const { stream, expectedRevision, events } of unit.appends) {
      let revision = expectedRevision;
      for (const { id, type, data, metadata } of events) {
        position += 1n;
        rows.push({ position, stream, revision: ++revision, id, type, data, metadata });
      }
    }
  }
  return rows;
}
