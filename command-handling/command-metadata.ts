/** Who asked for a command and why: it becomes the metadata of every event that follows from it. */
import { eventSchemas, type AnyEvent } from '../contracts/events/all.js';
import type { Metadata, Timestamp } from '../contracts/events/envelope.js';

export interface CommandMetadata {
  /** An API key's id, `operator`, `operator:<key id>`, or `processor:<name>`. */
  readonly actor: string;
  /** What the whole story is about, e.g. the execution's id. */
  readonly correlationId: string;
  /** The request or event that led to the command. */
  readonly causationId: string;
  readonly ip?: string;
  /** Why, in an operator's words. */
  readonly reason?: string;
  readonly traceparent?: string;
}

/**
 * The metadata written last for a command. Events of one append, and of appends that go out
 * together, share one object, which the codec checks and writes once.
 */
const written = new WeakMap<CommandMetadata, Metadata>();

/**
 * `time` is the append's own: an append that is made again carries the time of its own try. So does
 * `at` in the event's data, which is when it was decided: whoever waits out an outage decides
 * again. Only a claim that is repeated under its own event ids stays the event that it was.
 */
export function eventMetadata(
  type: AnyEvent['type'],
  command: CommandMetadata,
  time: Timestamp,
): Metadata {
  const schemaVersion = eventSchemas[type].version;
  const last = written.get(command);
  if (last?.time === time && last.schemaVersion === schemaVersion) return last;
  const { actor, correlationId, causationId, ip, reason, traceparent } = command;
  const metadata: Metadata = {
    $correlationId: correlationId,
    $causationId: causationId,
    actor,
    ...(ip && { ip }),
    ...(reason && { reason }),
    ...(traceparent && { traceparent }),
    schemaVersion,
    time,
  };
  written.set(command, metadata);
  return metadata;
}
