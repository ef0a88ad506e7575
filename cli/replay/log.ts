/** The whole log up to the cut, added up: memory grows only with executions that are not over. */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { formatMoney, type Micros } from '../../contracts/money.js';
import { START, type EventStore } from '../../infra/event-store/port.js';
import { before, type Cut } from '../../query-api/as-of/cut.js';

const PAGE = 5_000;

type Sums = Record<'adjusted' | 'charged' | 'deposited' | 'overrun' | 'providerCost', Micros>;

interface State {
  events: number;
  position: bigint;
  at: string | undefined;
  organizations: number;
  catalogueVersion: string | undefined;
  readonly ended: Map<string, number>;
  /** Those that are not over. */
  readonly open: Set<string>;
  /** What is held of each account that has any; and what is available in all. */
  readonly held: Map<string, Micros>;
  readonly sums: Sums;
}

export async function logReplayed(store: EventStore, cut: Cut, signal: AbortSignal) {
  const state: State = {
    events: 0,
    position: START,
    at: undefined,
    organizations: 0,
    catalogueVersion: undefined,
    ended: new Map(),
    open: new Set(),
    held: new Map(),
    sums: { adjusted: 0n, charged: 0n, deposited: 0n, overrun: 0n, providerCost: 0n },
  };
  for (let at = START; !signal.aborted;) {
    const { events, position, caughtUp } = await store.readAll(at, PAGE);
    const wanted = before(cut, events);
    for (const event of wanted) fold(state, event);
    if (caughtUp || wanted.length < events.length || position <= at) break;
    at = position;
  }
  return answerOf(state);
}

function answerOf({ sums, ...state }: State) {
  const held = [...state.held.values()].reduce((sum, one) => sum + one, 0n);
  const { deposited, adjusted, charged } = sums;
  return {
    events: state.events,
    position: `${state.position}`,
    at: state.at ?? null,
    catalogue_version: state.catalogueVersion ?? null,
    organizations: state.organizations,
    executions: { open: state.open.size, ...Object.fromEntries(state.ended) },
    money: {
      deposited: formatMoney(deposited),
      adjusted: formatMoney(adjusted),
      charged: formatMoney(charged),
      held: formatMoney(held),
      available: formatMoney(deposited + adjusted - charged - held),
      overrun: formatMoney(sums.overrun),
      provider_cost: formatMoney(sums.providerCost),
    },
  };
}

type Folds = {
  readonly [T in AnyEvent['type']]?: (
    state: State,
    data: Extract<AnyEvent, { type: T }>['data'],
    stream: string,
  ) => void;
};

const endAs = (name: string) => (state: State, _data: object, stream: string) =>
  end(state, stream, name);

const folds: Folds = {
  OrganizationCreated: (state) => void (state.organizations += 1),
  PricesPublished: (state, { version }) => void (state.catalogueVersion = version),
  CatalogueTookEffect: (state, { version }) => void (state.catalogueVersion = version),
  FundsDeposited: ({ sums }, { amount }) => void (sums.deposited += amount),
  FundsAdjusted: ({ sums }, { amount }) => void (sums.adjusted += amount),
  HoldSettled({ sums }, { charged, overrun }) {
    sums.charged += charged;
    sums.overrun += overrun;
  },
  ExecutionRequested: ({ open }, _data, stream) => void open.add(stream),
  ExecutionCompleted(state, { providerCost }, stream) {
    state.sums.providerCost += providerCost;
    end(state, stream, 'completed');
  },
  ExecutionFailed: endAs('failed'),
  ExecutionCancelled: endAs('cancelled'),
  ExecutionExpired: endAs('expired'),
};

function fold(state: State, event: RecordedEvent<AnyEvent>): void {
  state.events += 1;
  state.position = event.position;
  state.at = event.metadata.time;
  if ('heldAfter' in event.data) keepHeld(state, event.data);
  const own = folds[event.type] as
    | ((state: State, data: object, stream: string) => void)
    | undefined;
  own?.(state, event.data, event.stream);
}

function keepHeld(
  { held }: State,
  { organizationId, heldAfter }: { readonly organizationId: string; readonly heldAfter: Micros },
): void {
  if (heldAfter === 0n) held.delete(organizationId);
  else held.set(organizationId, heldAfter);
}

/** A terminal event after the first one changes nothing. */
function end({ open, ended }: State, stream: string, name: string): void {
  if (open.delete(stream)) ended.set(name, (ended.get(name) ?? 0) + 1);
}
