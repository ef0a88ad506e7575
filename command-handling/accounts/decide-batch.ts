/** Decides a batch of commands one after another: one primary append, and dependent ones. */
import { randomUUID } from 'node:crypto';
import type { StreamName } from '../../contracts/streams.js';
import * as Account from '../../domain/account/account.js';
import type { AppendOutcome, Payload, StreamAppend } from '../../infra/event-store/port.js';
import type { CommandMetadata } from '../command-metadata.js';
import { appendOf } from '../streams.js';

/** Appended, with its payload, only if the primary append of its command lands. */
export interface DependentAppend {
  readonly append: StreamAppend;
  readonly payload?: Payload;
}

/** A command as it waits for its decision. */
export interface QueuedCommand {
  readonly command: Account.Command;
  readonly metadata: CommandMetadata;
  /** Called anew each time the command is decided. */
  readonly dependent?: () => DependentAppend;
  /** Nobody waits for it after this moment of `performance.now()`: then it is not decided. */
  readonly decideBefore?: number;
}

export type AccountResult =
  | {
      readonly outcome: 'accepted';
      /** Of the dependent append, if there is one. */
      readonly dependent: AppendOutcome | undefined;
    }
  /** `hold` is the open one, for a `PlaceHold` or `CheckHold`. */
  | { readonly outcome: 'alreadyDone'; readonly hold: Account.Hold | undefined }
  | {
      readonly outcome: 'rejected';
      readonly reason: Account.Rejection;
      /** The open hold of the same execution, for a `PlaceHold` or `CheckHold`. */
      readonly hold: Account.Hold | undefined;
    };

type ResultOf = (dependents: readonly AppendOutcome[]) => AccountResult;

export interface Decided {
  readonly primary: StreamAppend | undefined;
  readonly dependents: readonly StreamAppend[];
  readonly payloads: readonly Payload[];
  /** One for each command that was decided, from the first; the others did not fit. */
  readonly results: readonly ResultOf[];
}

/** Payloads of one unit, but for the payload that passes this bound. */
const UNIT_PAYLOAD_BYTES_MAX = 1024 * 1024;

/** Evolves `state` as it decides. */
export function decideBatch(
  state: Account.State,
  stream: StreamName,
  revision: number,
  batch: readonly QueuedCommand[],
): Decided {
  const events: StreamAppend['events'][number][] = [];
  const dependents: StreamAppend[] = [];
  const payloads: Payload[] = [];
  const results: ResultOf[] = [];
  const token = randomUUID();
  let payloadBytes = 0;
  for (const queued of batch) {
    if (payloadBytes > UNIT_PAYLOAD_BYTES_MAX) break;
    const decision = Account.decide(state, queued.command);
    if (decision.kind !== 'accepted') {
      const result = unchanged(decision, openHold(state, queued));
      results.push(() => result);
      continue;
    }
    const at = revision + events.length;
    events.push(...appendOf(stream, at, decision.events, queued.metadata, token).events);
    for (const event of decision.events) Account.evolve(state, event);
    const dependent = queued.dependent?.();
    if (dependent?.payload) {
      payloads.push(dependent.payload);
      payloadBytes += dependent.payload.bytes.length;
    }
    const index = dependent ? dependents.push(dependent.append) - 1 : -1;
    results.push((outcomes) => ({ outcome: 'accepted', dependent: outcomes[index] }));
  }
  const primary = events.length ? { stream, expectedRevision: revision, events } : undefined;
  return { primary, dependents, payloads, results };
}

const unchanged = (
  decision: Exclude<ReturnType<typeof Account.decide>, { kind: 'accepted' }>,
  hold: Account.Hold | undefined,
): AccountResult =>
  decision.kind === 'rejected'
    ? { outcome: 'rejected', reason: decision.reason, hold }
    : { outcome: 'alreadyDone', hold };

const openHold = (state: Account.State, { command }: QueuedCommand): Account.Hold | undefined =>
  command.type === 'PlaceHold' || command.type === 'CheckHold'
    ? Account.openHold(state, command.executionId, command.generation)
    : undefined;
