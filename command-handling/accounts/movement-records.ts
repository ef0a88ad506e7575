/**
 * Idempotency keys of top-ups and adjustments, honoured for ever by a state that stays small. An
 * account remembers the newest ones. Before a newer one makes it forget the eldest, the eldest gets
 * a record: a stream of its own that organization and key name.
 *
 *   account loaded at revision r ─► the key's record ──────────────► decide ─► append, expecting r
 *                               └─► records of those to be forgotten ──┘
 *
 * A key is credited once: whatever was forgotten up to r had its record before, so this look finds
 * it; whatever was not forgotten is in the state; and whatever came after r makes the append a
 * conflict. An account that was never full has forgotten nothing, and nothing is looked up.
 */
import type { MovementRecorded } from '../../contracts/events/movement.js';
import { movementIdOf } from '../../contracts/ids.js';
import type { Micros } from '../../contracts/money.js';
import { streamOf } from '../../contracts/streams.js';
import * as Account from '../../domain/account/account.js';
import { NO_STREAM, type EventStore } from '../../infra/event-store/port.js';
import { appendOf, readEvents } from '../streams.js';
import type { QueuedCommand } from './decide-batch.js';

/** Whether keys of the batch may be forgotten already, or be forgotten by it. */
export const mayForget = (
  { deposits, adjustments }: Account.State,
  batch: readonly QueuedCommand[],
): boolean =>
  Math.max(deposits.size, adjustments.size) + batch.length > Account.REMEMBERED_MAX &&
  batch.some(({ command }) => kindOf(command) !== undefined);

/** The commands, those under a known key with the amount that it has. Throws on an outage. */
export async function withRecords(
  store: EventStore,
  state: Account.State,
  batch: readonly QueuedCommand[],
): Promise<readonly QueuedCommand[]> {
  const [, , ...asked] = await Promise.all([
    recordEldest(store, 'topUp', state.deposits, batch),
    recordEldest(store, 'adjustment', state.adjustments, batch),
    ...batch.map((queued) => withRecord(store, state, queued)),
  ]);
  return asked;
}

type Kind = MovementRecorded['data']['kind'];
type Known = ReadonlyMap<string, Micros>;

/** Records of those that the batch may make the state forget; one that is there stays as it is. */
async function recordEldest(
  store: EventStore,
  kind: Kind,
  known: Known,
  batch: readonly QueuedCommand[],
): Promise<void> {
  const moving = batch.filter(({ command }) => kindOf(command) === kind);
  const [first] = moving;
  if (!first) return;
  const { organizationId, at } = first.command;
  let leaving = known.size + moving.length - Account.REMEMBERED_MAX;
  const appends: Promise<unknown>[] = [];
  for (const [key, amount] of known) {
    if (leaving-- <= 0) break;
    const stream = streamOf('movement', movementIdOf(organizationId, kind, key));
    const data = { organizationId, kind, key, amount, at };
    const event: MovementRecorded = { type: 'MovementRecorded', data };
    const append = appendOf(stream, NO_STREAM, [event], first.metadata);
    appends.push(store.append({ appends: [append] }));
  }
  await Promise.all(appends);
}

/** What the state knows is told, too: an earlier command of the batch may make it forget it. */
async function withRecord(
  store: EventStore,
  { deposits, adjustments }: Account.State,
  queued: QueuedCommand,
): Promise<QueuedCommand> {
  const { command } = queued;
  if (command.type !== 'Deposit' && command.type !== 'Adjust') return queued;
  const [key, known] =
    command.type === 'Deposit' ? [command.topUpId, deposits] : [command.adjustmentId, adjustments];
  const recorded = known.get(key) ?? (await recordedAmount(store, command, key));
  return recorded === undefined ? queued : { ...queued, command: { ...command, recorded } };
}

const kindOf = ({ type }: Account.Command): Kind | undefined =>
  type === 'Deposit' ? 'topUp' : type === 'Adjust' ? 'adjustment' : undefined;

async function recordedAmount(
  store: EventStore,
  { type, organizationId }: Account.Command,
  key: string,
): Promise<Micros | undefined> {
  const kind = type === 'Deposit' ? 'topUp' : 'adjustment';
  const stream = streamOf('movement', movementIdOf(organizationId, kind, key));
  const [record] = await readEvents<MovementRecorded>(store, stream, { limit: 1 });
  return record?.data.amount;
}
