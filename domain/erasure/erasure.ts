/**
 * The erasure of one execution's contents: once, and for ever.
 *
 *   kept ──Erase──► erased
 *
 * Whether the execution is over is for its own stream to say, and does not change once it is.
 */
import type { ErasureEvent } from '../../contracts/events/erasure.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import { accept, alreadyDone, type Decision } from '../decider.js';

export const category = 'erasure';

export type Event = ErasureEvent;

export type Command = { type: 'Erase'; data: Event['data'] };

export type Rejection = never;

export type State =
  | { readonly status: 'kept' }
  | { readonly status: 'erased'; readonly at: Timestamp };

export const initial = (): State => ({ status: 'kept' });

export const evolve = (_: State, { data: { at } }: Event): State => ({ status: 'erased', at });

export const decide = (state: State, { data }: Command): Decision<Event, Rejection> =>
  state.status === 'erased' ? alreadyDone : accept({ type: 'PayloadsErased', data });
