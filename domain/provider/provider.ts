/**
 * A provider's circuits as all processes know them: its own, and those of its routes. What is known
 * already is not written again, so that many processes that find the same write it once. A circuit
 * that an operator opened stays open until its time, whatever a process finds.
 */
import { isHeldOpen, type ProviderEvent } from '../../contracts/events/provider.js';
import { accept, alreadyDone, type Decision } from '../decider.js';

export const category = 'provider';

export type Event = ProviderEvent;

type Opened = Extract<Event, { type: 'ProviderCircuitOpened' }>['data'];
type Closed = Extract<Event, { type: 'ProviderCircuitClosed' }>['data'];

export type Command = { type: 'Open'; data: Opened } | { type: 'Close'; data: Closed };

export type Rejection = never;

/** The open ones, by the name of the route; that of the provider itself has the empty name. */
export type State = ReadonlyMap<string, Opened>;

export const initial = (): State => new Map();

export function evolve(state: State, event: Event): State {
  const next = new Map(state);
  const name = event.data.route ?? '';
  if (event.type === 'ProviderCircuitOpened') next.set(name, event.data);
  else next.delete(name);
  return next;
}

/** What an operator decides is always written: a process may know what no event tells. */
export function decide(state: State, command: Command): Decision<Event, Rejection> {
  const open = state.get(command.data.route ?? '');
  const { byOperator } = command.data;
  switch (command.type) {
    case 'Open':
      return open &&
        !byOperator &&
        (covers(open, command.data) || isHeldOpen(open, command.data.at))
        ? alreadyDone
        : accept<Event>({ type: 'ProviderCircuitOpened', data: command.data });
    case 'Close':
      return byOperator || (open && !isHeldOpen(open, command.data.at))
        ? accept<Event>({ type: 'ProviderCircuitClosed', data: command.data })
        : alreadyDone;
  }
}

/** For the same organization, or for all. */
const covers = (open: Opened, { organizationId }: Opened): boolean =>
  open.organizationId === undefined || open.organizationId === organizationId;
