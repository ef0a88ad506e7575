/**
 * Events to text and back. Money is `bigint` inside and a decimal string in the log; everything is
 * checked against its schema before it is written and after it was read.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { eventSchemas, type AnyEvent } from '../../contracts/events/all.js';
import type {
  EventSchema,
  Metadata,
  NewEvent,
  RecordedEvent,
} from '../../contracts/events/envelope.js';
import { timestamp } from '../../contracts/events/schema-parts.js';
import { formatMoney, parseMoney } from '../../contracts/money.js';
import type { StreamName } from '../../contracts/streams.js';
import { upcasters as allUpcasters, type Upcasters, type WireData } from './upcasters.js';

/** A row of the log, as stores keep it. */
export interface LogRow {
  readonly position: bigint;
  readonly stream: StreamName;
  readonly revision: number;
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
  /** Set for a row that this process appended: the event whose text is above. */
  readonly appended?: NewEvent<AnyEvent> | undefined;
}

export interface EncodedEvent {
  readonly id: string;
  readonly type: AnyEvent['type'];
  readonly data: string;
  readonly metadata: string;
  /** The event that was encoded. */
  readonly appended?: NewEvent<AnyEvent> | undefined;
}

/** What stores report; a pino logger is one. */
export interface StoreLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Codec {
  /** Throws `InvalidEvent`. */
  encode(event: NewEvent<AnyEvent>): EncodedEvent;
  /**
   * Undefined, counted and logged once per type, for a type that this code does not know. An event
   * that this process appended is handed over as it is, neither parsed nor checked once more, if
   * its text says exactly the same.
   */
  decode(row: LogRow): RecordedEvent<AnyEvent> | undefined;
  /** How many rows of each type that is not known were skipped. */
  readonly unknownTypes: ReadonlyMap<string, number>;
}

/** The event is not what its schema says: a defect of its writer, or of the log. */
export class InvalidEvent extends Error {
  constructor(
    message: string,
    cause?: unknown,
    /** Of the event in the log that cannot be read; undefined for one that is not written yet. */
    readonly position?: bigint,
    /** The name of that event. */
    readonly row?: Pick<LogRow, 'position' | 'stream' | 'revision' | 'type'>,
  ) {
    super(message, { cause });
    this.name = 'InvalidEvent';
  }
}

export function createCodec(log: StoreLog, upcasters: Upcasters = allUpcasters): Codec {
  const unknownTypes = new Map<string, number>();

  function alarm({ type, stream, position }: LogRow): undefined {
    const seen = (unknownTypes.get(type) ?? 0) + 1;
    unknownTypes.set(type, seen);
    if (seen === 1)
      log.error({ type, stream, position: `${position}` }, 'unknown event type skipped');
  }

  function eventIn(row: LogRow): RecordedEvent<AnyEvent> | undefined {
    const { appended } = row;
    if (appended && isSameAsText(appended))
      return recorded(row, appended.type, appended.data, appended.metadata);
    const metadata = JSON.parse(row.metadata) as Metadata;
    check(checkMetadata(), metadata, `metadata at position ${row.position}`);
    const current = upcast(upcasters, row.type, metadata.schemaVersion, row.data);
    const kind = kindOf(current.type);
    if (!kind) return alarm(row);
    const { data } = current;
    check(readCheckOf(kind), data, `${row.type} at position ${row.position}`);
    for (const field of kind.schema.money)
      if (data[field] !== undefined) data[field] = parseMoney(data[field] as string);
    return recorded(row, current.type, data, metadata);
  }

  return {
    encode(event) {
      const kind = kindOf(event.type);
      if (!kind) throw new InvalidEvent(`there is no event type ${event.type}`);
      if (!UUID.test(event.id)) throw new InvalidEvent(`${event.type}: the id is not a UUID`);
      const { version, money } = kind.schema;
      if (event.metadata.schemaVersion !== version)
        throw new InvalidEvent(`${event.type}: schemaVersion is not ${version}`);
      const wire = money.length > 0 ? toWire(event, money) : event.data;
      check(kind.checkWritten, wire, event.type);
      return {
        id: event.id,
        type: event.type,
        data: JSON.stringify(wire),
        metadata: writtenMetadata(event),
        appended: event,
      };
    },

    decode(row) {
      try {
        return eventIn(row);
      } catch (error) {
        throw unreadable(row, error);
      }
    },

    unknownTypes,
  };
}

function recorded(
  { position, stream, revision, id }: LogRow,
  type: string,
  data: object,
  metadata: Metadata,
): RecordedEvent<AnyEvent> {
  const event = { id, stream, revision, position, type, data, metadata };
  return event as unknown as RecordedEvent<AnyEvent>;
}

/**
 * Whether parsing an event's text would give this very event. Amounts are exact in the text; a
 * property without a value, a negative zero or an instance of a class would come back otherwise.
 */
function isSameAsText({ data, metadata }: NewEvent<AnyEvent>): boolean {
  const fields: object = data;
  if (!isPlain(fields)) return false;
  for (const key in fields) {
    const value = fields[key];
    if (typeof value !== 'bigint' && !isSameAsJson(value)) return false;
  }
  return isSameAsJson(metadata);
}

function isSameAsJson(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return isSameList(value);
  if (!isPlain(value)) return false;
  for (const key in value) if (!isSameAsJson(value[key])) return false;
  return true;
}

function isSameList(list: readonly unknown[]): boolean {
  for (let index = 0; index < list.length; index++) if (!isSameAsJson(list[index])) return false;
  return true;
}

const isPlain = (value: object): value is Record<string, unknown> =>
  Object.getPrototypeOf(value) === Object.prototype;

/** Whatever is wrong with a row, its readers learn its position, so that they can go on. */
function unreadable(row: LogRow, error: unknown): InvalidEvent {
  const { type, position } = row;
  if (error instanceof InvalidEvent)
    return new InvalidEvent(error.message, error.cause, position, row);
  return new InvalidEvent(`${type} at position ${position} is not JSON`, error, position, row);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Events of one cause share their metadata: it is checked and written once for all of them. */
const metadataTexts = new WeakMap<Metadata, string>();

function writtenMetadata({ type, metadata }: NewEvent<AnyEvent>): string {
  let text = metadataTexts.get(metadata);
  if (text === undefined) {
    check(checkMetadata(), metadata, `metadata of ${type}`);
    metadataTexts.set(metadata, (text = JSON.stringify(metadata)));
  }
  return text;
}

function toWire({ type, data }: NewEvent<AnyEvent>, money: readonly string[]): WireData {
  const wire: Record<string, unknown> = { ...data };
  for (const field of money) {
    const amount = wire[field];
    if (typeof amount === 'bigint') wire[field] = formatMoney(amount);
    else if (amount !== undefined) throw new InvalidEvent(`${type}: ${field} is not a bigint`);
  }
  return wire;
}

function upcast(upcasters: Upcasters, type: string, version: number, text: string) {
  let current = { type, version, data: JSON.parse(text) as Record<string, unknown> };
  for (let step = upcasters[type]?.[version]; step;) {
    const { data, ...next } = step(current.data);
    current = { ...next, data: { ...data } };
    step = upcasters[next.type]?.[next.version];
  }
  return current;
}

interface Kind {
  readonly schema: EventSchema;
  readonly checkWritten: ValidateFunction;
  checkRead: ValidateFunction | undefined;
}

/**
 * What an amount may look like, the schemas' own pattern says; the format only marks money. Without
 * `unicode` a length is that of the string itself, which need not be counted. It is an option that
 * warns, hence no logger: `strict` throws. That the schemas are ones, a spec knows.
 */
const ajv = new Ajv2020({
  strict: true,
  formats: { money: true },
  unicode: false,
  logger: false,
  validateSchema: false,
  meta: false,
});
const kinds = new Map<string, Kind>();

/** Compiled at the first event of its type, once for all stores of the process. */
function kindOf(type: string): Kind | undefined {
  const known = kinds.get(type);
  if (known) return known;
  if (!Object.hasOwn(eventSchemas, type)) return undefined;
  const schema = eventSchemas[type as AnyEvent['type']];
  const kind = { schema, checkWritten: ajv.compile(schema.schema), checkRead: undefined };
  kinds.set(type, kind);
  return kind;
}

function readCheckOf(kind: Kind): ValidateFunction {
  const { schema } = kind.schema;
  kind.checkRead ??= ajv.compile(withoutMaxima(schema) as Record<string, unknown>);
  return kind.checkRead;
}

/** Maxima came later than some events: they bind who writes. */
function withoutMaxima(part: unknown): unknown {
  if (typeof part !== 'object' || part === null) return part;
  if (Array.isArray(part)) return part.map(withoutMaxima);
  const kept = Object.entries(part).filter(
    ([name, value]) => typeof value !== 'number' || !['maximum', 'maxLength'].includes(name),
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, withoutMaxima(value)]));
}

const metadataText = { type: 'string' };
let compiledMetadata: ValidateFunction | undefined;

function checkMetadata(): ValidateFunction {
  compiledMetadata ??= ajv.compile({
    type: 'object',
    properties: {
      $correlationId: metadataText,
      $causationId: metadataText,
      actor: metadataText,
      ip: metadataText,
      reason: metadataText,
      traceparent: metadataText,
      schemaVersion: { type: 'integer', minimum: 1 },
      time: timestamp,
    },
    required: ['$correlationId', '$causationId', 'actor', 'schemaVersion', 'time'],
    additionalProperties: false,
  });
  return compiledMetadata;
}

function check(validate: ValidateFunction, value: unknown, what: string): void {
  if (validate(value)) return;
  const [first] = validate.errors ?? [];
  // The values stay out of the message: they may be a caller's.
  throw new InvalidEvent(`${what} ${first?.instancePath ?? ''} ${first?.message ?? 'is invalid'}`);
}
