/**
 * A provider's circuits as all processes know them: its own, and those of its routes. What is known
 * already is not written again, so that many processes that find the same write it once.
 */
import type { ProviderEvent } from '../../contracts/events/provider.js';
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

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  const open = state.get(command.data.route ?? '');
  switch (command.type) {
    case 'Open':
      return open && covers(open, command.data)
        ? alreadyDone
        : accept<Event>({ type: 'ProviderCircuitOpened', data: command.data });
    case 'Close':
      return open
        ? accept<Event>({ type: 'ProviderCircuitClosed', data: command.data })
        : alreadyDone;
  }
}

/** For the same organization, or for all. */
const covers = (open: Opened, { organizationId }: Opened): boolean =>
  open.organizationId === undefined || open.organizationId === organizationId;
