/**
 * R3.competing: holds placed on one account by sixteen processes, against one process with as many
 * callers. R3.cold: the first command on an account that a process does not know, with 1,000,000
 * events in its stream, against 1,000.
 */
import { randomUUID } from 'node:crypto';
import pino from 'pino';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import * as Account from '../../domain/account/account.js';
import { openAccounts } from '../../command-handling/accounts/accounts.js';
import { accountOwnerMigrations, eventStoreMigrations } from '../../infra/migrations/all.js';
import { appendOf } from '../../command-handling/streams.js';
import { NO_STREAM, type EventStore } from '../../infra/event-store/port.js';
import { openPostgresEventStore } from '../../infra/event-store/postgres/postgres.js';
import type { Held, HoldsAsk, HoldsConfig } from '../baselines/account-holds.js';
import type { Bench, Cell, Comparison, Side } from '../cell.js';
import { startPart } from '../children.js';
import { query } from '../database.js';
import { withDefer, type Defer } from '../defer.js';
import { turnSeconds } from './accepts.js';

const WRITERS = 16;
const CALLERS = 256;
/** Enough for the compiler of each process to have seen what it does. */
const WARM_UP_SECONDS = 1.5;
const LONG_EVENTS = 1_000_000;
const SHORT_EVENTS = 1_000;
const COLD_STARTS = 20;

const log = pino({ level: 'silent' });
const metadata = { actor: 'bench', correlationId: 'bench', causationId: 'bench' };

export const writers: Cell = {
  ids: ['R3.competing', 'R3.cold'],
  title: 'Writers of one account',
  open: (bench, wants) =>
    withDefer(async (defer) => {
      const url = await bench.databases.fresh('writers');
      defer(() => bench.databases.drop(url));
      for (const { sql } of [...eventStoreMigrations, ...accountOwnerMigrations])
        await query(url, sql);
      const store = openPostgresEventStore({ url, log });
      defer(() => store.close());
      const comparisons: Comparison[] = [];
      const competing = wants('R3.competing')
        ? await competingSides(bench, { url, store }, defer)
        : undefined;
      if (competing) comparisons.push(competing.comparison);
      if (wants('R3.cold')) comparisons.push(await coldComparison(url, store));
      return {
        comparisons,
        check: async () => (await competing?.check()) ?? [],
        notes: () => competing?.notes() ?? [],
      };
    }),
};

interface At {
  readonly url: string;
  readonly store: EventStore;
}

async function competingSides(bench: Bench, { url, store }: At, defer: Defer) {
  const config: HoldsConfig = { url };
  const parts = await Promise.all(
    Array.from({ length: WRITERS }, () =>
      startPart<null, HoldsAsk, Held>('baselines/account-holds.js', config),
    ),
  );
  for (const part of parts) defer(() => part.stop());
  for (const part of parts) {
    const organizationId = await newAccount(store, 1);
    await part.ask({ organizationId, callers: CALLERS / WRITERS, seconds: WARM_UP_SECONDS });
  }
  const placed = new Map<OrganizationId, number>();
  let unanswered = 0;
  const sideOf = (count: number): Side => ({
    name: `holds/s by ${count} process${count > 1 ? 'es' : ''}`,
    async measure(warmUp) {
      const seconds = turnSeconds(bench, warmUp);
      const organizationId = await newAccount(store, 1);
      const ask = { organizationId, callers: CALLERS / count, seconds };
      const held = await Promise.all(parts.slice(0, count).map((part) => part.ask(ask)));
      const accepted = held.reduce((sum, one) => sum + one.accepted, 0);
      placed.set(organizationId, accepted);
      unanswered += held.reduce((sum, one) => sum + one.unanswered, 0);
      const worstMs = Math.max(...held.map((one) => one.worstMs));
      return { perSecond: accepted / seconds, worstMs };
    },
  });
  const comparison: Comparison = {
    id: 'R3.competing',
    name: `${WRITERS} writers of one account ÷ one`,
    target: 0.5,
    a: sideOf(WRITERS),
    b: sideOf(1),
    metric: 'perSecond',
    unit: '/s',
  };
  const notes = () => [`asked again, for want of an answer: ${unanswered} times`];
  return { comparison, check: () => wrongBooks(store, placed), notes };
}

/** Every hold that was accepted stands once, and nothing else does. */
async function wrongBooks(
  store: EventStore,
  placed: ReadonlyMap<OrganizationId, number>,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const [organizationId, accepted] of placed) {
    const events = await store.readStream(streamOf('account', organizationId));
    const state = (events as unknown as Account.Event[]).reduce(Account.evolve, Account.initial());
    if (state.holds.size !== accepted || events.length !== accepted + 1)
      wrong.push(`${accepted} holds were accepted, ${state.holds.size} stand`);
  }
  return wrong;
}

async function coldComparison(url: string, store: EventStore): Promise<Comparison> {
  const sideOf = (organizationId: OrganizationId, events: number): Side => ({
    name: `first command on an account of ${events} events`,
    async measure() {
      let ms = 0;
      for (let n = 0; n < COLD_STARTS; n++) {
        const accounts = openAccounts({ store, onError: () => undefined });
        const began = performance.now();
        const at = new Date().toISOString();
        const command = { type: 'Deposit', organizationId, topUpId: randomUUID(), amount: 1n, at };
        await accounts.submit(organizationId, { command: command as Account.Command, metadata });
        ms += performance.now() - began;
      }
      return { ms: ms / COLD_STARTS };
    },
  });
  const long = sideOf(await newAccount(store, LONG_EVENTS), LONG_EVENTS);
  const short = sideOf(await newAccount(store, SHORT_EVENTS), SHORT_EVENTS);
  await query(url, 'VACUUM ANALYZE eventstore.events');
  return {
    id: 'R3.cold',
    name: 'cold start at 1,000,000 events ÷ at 1,000',
    target: 1.5,
    a: long,
    b: short,
    metric: 'ms',
    unit: ' ms',
    atMost: true,
  };
}

const APPEND_EVENTS = 1_000;

/**
 * An account with so many events: money, then holds that are placed and settled. A long one has the
 * snapshot that an account which grew up here would have.
 */
async function newAccount(store: EventStore, count: number): Promise<OrganizationId> {
  const organizationId: OrganizationId = `org_${randomUUID()}`;
  const stream = streamOf('account', organizationId);
  const at = new Date().toISOString();
  const state = Account.initial();
  const decide = (command: Account.Command): readonly Account.Event[] => {
    const decision = Account.decide(state, command);
    if (decision.kind !== 'accepted') throw new Error(`${command.type} was ${decision.kind}`);
    for (const event of decision.events) Account.evolve(state, event);
    return decision.events;
  };
  const common = { organizationId, at };
  let events: AnyEvent[] = [
    ...decide({ type: 'Deposit', ...common, topUpId: 'bench', amount: 500_000_000_000_000n }),
  ];
  let revision = NO_STREAM;
  for (let made = 1; ;) {
    while (made < count && events.length < APPEND_EVENTS) {
      const hold = { executionId: `exec_${randomUUID()}`, holdId: `hold_${randomUUID()}` } as const;
      events.push(
        ...decide({ type: 'PlaceHold', ...common, ...hold, generation: 0, amount: 10_000n }),
        ...decide({ type: 'SettleHold', ...common, ...hold, cost: 1n }),
      );
      made += 2;
    }
    await store.append({ appends: [appendOf(stream, revision, events, metadata)] });
    revision += events.length;
    events = [];
    if (made >= count) return organizationId;
    // The last append lies behind the snapshot: nobody has more to read than that.
    if (made >= count - APPEND_EVENTS) await leaveSnapshot(store, organizationId);
  }
}

/** A command that is refused reads the log all the same. */
async function leaveSnapshot(store: EventStore, organizationId: OrganizationId): Promise<void> {
  const accounts = openAccounts({ store, onError: () => undefined });
  const at = new Date().toISOString();
  const command = { type: 'Deposit', organizationId, topUpId: 'none', amount: 0n, at } as const;
  await accounts.submit(organizationId, { command, metadata });
  while (!(await store.readSnapshot(streamOf('account', organizationId))))
    await new Promise((resolve) => setTimeout(resolve, 10));
}
