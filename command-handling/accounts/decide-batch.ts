/** A batch of tickets decided one after another: one append for the account, others behind it. */
import { randomUUID } from 'node:crypto';
import type { StreamName } from '../../contracts/streams.js';
import * as Account from '../../domain/account/account.js';
import type { AppendOutcome, Payload, StreamAppend } from '../../infra/event-store/port.js';
import { appendOf, type Cause } from '../transact.js';

/** What rides behind an accepted command: appended only if the account's append lands. */
export interface Follow {
  readonly append: StreamAppend;
  readonly payload?: Payload;
}

export interface Ticket {
  readonly command: Account.Command;
  readonly cause: Cause;
  /** Asked for anew each time the command is decided. */
  readonly follow?: () => Follow;
}

export type AccountResult =
  | { readonly outcome: 'accepted'; readonly followed: AppendOutcome | undefined }
  /** `hold` is the one that stands, for a `PlaceHold`. */
  | { readonly outcome: 'alreadyDone'; readonly hold: Account.Hold | undefined }
  | {
      readonly outcome: 'rejected';
      readonly reason: Account.Rejection;
      /** The one that stands in the way of a `PlaceHold`, if one does. */
      readonly hold: Account.Hold | undefined;
    };

type Answer = (followed: readonly AppendOutcome[]) => AccountResult;

export interface Decided {
  readonly lead: StreamAppend | undefined;
  readonly followers: readonly StreamAppend[];
  readonly payloads: readonly Payload[];
  /** One for each ticket that was decided, from the first; the others did not fit. */
  readonly answers: readonly Answer[];
}

/** What rides along in one unit, but for the payload that passes this bound. */
const UNIT_PAYLOAD_BYTES_MAX = 1024 * 1024;

/** Evolves `state` as it decides. */
export function decideBatch(
  state: Account.State,
  stream: StreamName,
  revision: number,
  batch: readonly Ticket[],
): Decided {
  const events: StreamAppend['events'][number][] = [];
  const followers: StreamAppend[] = [];
  const payloads: Payload[] = [];
  const answers: Answer[] = [];
  const token = randomUUID();
  let payloadBytes = 0;
  for (const ticket of batch) {
    if (payloadBytes > UNIT_PAYLOAD_BYTES_MAX) break;
    const decision = Account.decide(state, ticket.command);
    if (decision.kind !== 'accepted') {
      const result = unchanged(decision, standingHold(state, ticket));
      answers.push(() => result);
      continue;
    }
    const at = revision + events.length;
    events.push(...appendOf(stream, at, decision.events, ticket.cause, token).events);
    for (const event of decision.events) Account.evolve(state, event);
    const follow = ticket.follow?.();
    if (follow?.payload) {
      payloads.push(follow.payload);
      payloadBytes += follow.payload.bytes.length;
    }
    const index = follow ? followers.push(follow.append) - 1 : -1;
    answers.push((followed) => ({ outcome: 'accepted', followed: followed[index] }));
  }
  const lead = events.length ? { stream, expectedRevision: revision, events } : undefined;
  return { lead, followers, payloads, answers };
}

const unchanged = (
  decision: Exclude<ReturnType<typeof Account.decide>, { kind: 'accepted' }>,
  hold: Account.Hold | undefined,
): AccountResult =>
  decision.kind === 'rejected'
    ? { outcome: 'rejected', reason: decision.reason, hold }
    : { outcome: 'alreadyDone', hold };

const standingHold = (state: Account.State, { command }: Ticket): Account.Hold | undefined =>
  command.type === 'PlaceHold'
    ? Account.openHold(state, command.executionId, command.generation)
    : undefined;
