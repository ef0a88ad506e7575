/**
 * Events of exports as records of a Kafka topic: CloudEvents 1.0 in binary mode, keyed by the
 * execution that they are about, else by their organization. A plan is one transaction, whose mark
 * is the number and the id of its last event: so whoever opens the topic next knows whether the
 * plan took effect.
 */
import { cloudEventAttributes, type NumberedEvent } from '../../domain/feed/cloud-event.js';
import { StoreUnavailable } from '../event-store/port.js';
import type { TopicMark, TopicRecord, TopicWriter } from '../event-bus/kafka/transactions.js';
import { operatorAttributes } from './operator-attributes.js';
import type { ExportedEvent, ExportPlan, ExportSink } from './port.js';

/** Brokers take a megabyte at once, unless they are set otherwise. */
const PORTION_BYTES = 256 * 1024;
const PORTION_RECORDS = 250;

interface Opened {
  readonly writer: TopicWriter;
  mark: TopicMark | undefined;
}

export function openKafkaSink(openWriter: () => Promise<TopicWriter>): ExportSink {
  let opened: Promise<Opened> | undefined;
  const close = () => {
    // One that cannot be opened has said so to whoever opened it.
    opened?.then(({ writer }) => writer.close()).catch(() => undefined);
    opened = undefined;
  };
  return {
    async write(plan) {
      try {
        opened ??= openWriter().then((writer) => ({ writer, mark: writer.mark }));
        await writePlan(await opened, plan);
        return [];
      } catch (error) {
        close();
        throw new StoreUnavailable('the topic cannot be written now', error);
      }
    },
    close,
  };
}

async function writePlan(opened: Opened, plan: ExportPlan): Promise<void> {
  const [first, last] = [plan[0], plan.at(-1)];
  if (!first || !last) return;
  const mark: TopicMark = { number: last.number, note: last.event.eventId };
  if (isWritten(opened.mark, first, mark)) return;
  const { writer } = opened;
  const transaction = await writer.begin();
  for (const { partition, records } of portionsOf(plan, writer))
    await transaction.send(partition, records);
  await transaction.mark(mark);
  await transaction.commit();
  opened.mark = mark;
}

/** A topic that is ahead of the plan was written by a database of later: its events are others. */
function isWritten(mark: TopicMark | undefined, first: ExportedEvent, last: TopicMark): boolean {
  if (!mark || mark.number < first.number) return false;
  if (mark.number === last.number && mark.note === last.note) return true;
  throw new Error(
    `it has events up to number ${mark.number} (evt_${mark.note}), of which this database knows ` +
      'nothing: remove the export, and set it again from the number that the topic lacks',
  );
}

interface Portion {
  readonly partition: number;
  readonly records: TopicRecord[];
  bytes: number;
}

/** In each partition in the order of the plan. */
function* portionsOf(plan: ExportPlan, writer: TopicWriter): Generator<Portion> {
  const open = new Map<number, Portion>();
  for (const exported of plan) {
    const record = recordOf(exported);
    const bytes = record.value.length;
    const partition = writer.partitionOf(record.key);
    const portion = open.get(partition) ?? { partition, records: [], bytes: 0 };
    if (portion.records.length > 0 && isFull(portion, bytes)) {
      yield portion;
      open.set(partition, { partition, records: [record], bytes });
      continue;
    }
    portion.records.push(record);
    portion.bytes += bytes;
    open.set(partition, portion);
  }
  yield* open.values();
}

const isFull = ({ records, bytes }: Portion, more: number): boolean =>
  records.length >= PORTION_RECORDS || bytes + more > PORTION_BYTES;

function recordOf({ event, operators }: ExportedEvent): TopicRecord {
  const { datacontenttype, ...attributes } = cloudEventAttributes(event);
  const headers: Record<string, string> = { 'content-type': datacontenttype };
  const named = { ...attributes, ...(operators && operatorAttributes(operators)) };
  for (const [name, value] of Object.entries(named)) headers[`ce_${name}`] = value;
  return { key: keyOf(event), value: event.data, headers };
}

const keyOf = ({ subject, organizationId }: NumberedEvent): string =>
  subject.startsWith('exec_') ? subject : organizationId;
