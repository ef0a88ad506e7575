/** Given/when/then for deciders: exact, in order, and issued again to change nothing. */
import { expect } from 'chai';
import type { DomainEvent } from '../../contracts/events/envelope.js';
import type { Decider } from '../decider.js';

export function specFor<S, C, E extends DomainEvent, R extends string>(
  decider: Decider<S, C, E, R>,
) {
  const stateOf = (events: readonly E[]) => events.reduce(decider.evolve, decider.initial());
  return {
    given: (...events: E[]) => ({
      when: (command: C) => ({
        /** The events that follow, exactly. */
        then(...expected: E[]) {
          expect(decider.decide(stateOf(events), command)).to.deep.equal({
            kind: 'accepted',
            events: expected,
          });
        },
        thenAlreadyDone() {
          expect(decider.decide(stateOf(events), command)).to.deep.equal({ kind: 'alreadyDone' });
        },
        thenRejected(reason: R) {
          const decision = decider.decide(stateOf(events), command);
          expect(decision).to.deep.equal({ kind: 'rejected', reason });
        },
      }),
    }),
  };
}
