/** An append unit as stores take it in: checked, encoded and weighed before anything is queued. */
import type { StreamName } from '../../contracts/streams.js';
import type { Codec, EncodedEvent } from './codec.js';
import { InvalidEvent } from './codec.js';
import { NO_STREAM, type AppendUnit, type Payload } from './port.js';

export interface EncodedAppend {
  readonly stream: StreamName;
  readonly expectedRevision: number;
  readonly events: readonly EncodedEvent[];
}

export interface EncodedUnit {
  readonly appends: readonly EncodedAppend[];
  readonly payloads: readonly Payload[];
  readonly events: number;
  /** Roughly what the unit takes on the wire and in memory. */
  readonly bytes: number;
}

/** Throws `InvalidEvent` when the unit cannot be stored as it is: no store guesses its meaning. */
export function encodeUnit(codec: Codec, unit: AppendUnit): EncodedUnit {
  let events = 0;
  let bytes = 0;
  const appends = unit.appends.map((append): EncodedAppend => {
    const { stream, expectedRevision } = append;
    checkName('stream', stream);
    if (!Number.isInteger(expectedRevision) || expectedRevision < NO_STREAM)
      throw new InvalidEvent(`${stream}: no stream has the revision ${expectedRevision}`);
    if (append.events.length === 0) throw new InvalidEvent(`${stream}: an append without events`);
    const encoded = append.events.map((event) => codec.encode(event));
    events += encoded.length;
    for (const { data, metadata } of encoded) bytes += data.length + metadata.length;
    return { stream, expectedRevision, events: encoded };
  });
  const payloads = unit.payloads ?? [];
  return { appends, payloads, events, bytes: bytes + payloadBytes(payloads) };
}

/** A unit that only stores payloads. */
export function payloadUnit(payloads: readonly Payload[]): EncodedUnit {
  return { appends: [], payloads, events: 0, bytes: payloadBytes(payloads) };
}

function payloadBytes(payloads: readonly Payload[]): number {
  let bytes = 0;
  for (const payload of payloads) {
    checkName('payload', payload.ref);
    checkName('organization', payload.organizationId);
    bytes += payload.bytes.length;
  }
  return bytes;
}

/** Names are stored byte for byte: no store takes a NUL or half a surrogate pair in them. */
function checkName(what: string, name: string): void {
  if (name.length === 0 || /[\u0000-\u001f\u007f]|\p{Surrogate}/u.test(name))
    throw new InvalidEvent(`not a name of a ${what}: ${JSON.stringify(name)}`);
}
