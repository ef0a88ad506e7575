import { expect } from 'chai';
import { decide, evolve, initial, CALLBACKS_MAX, type Command } from './attempt.js';

const about = {
  executionId: 'exec_2f0c8f4e-1d2b-5c3a-9e8f-0a1b2c3d4e5f',
  organizationId: 'org_11111111-1111-4111-8111-111111111111',
  attempt: 1,
  at: '2026-11-27T10:00:00.000Z',
} as const;

const received = (bodySha256: string): Command => ({
  type: 'ReceiveCallback',
  data: { ...about, callback: { ref: 'r', sha256: bodySha256, bytes: 1 }, bodySha256 },
});

const late: Command = {
  type: 'RecordLate',
  data: { ...about, provider: 'p', route: 'r', outcome: 'succeeded', providerCost: 5n },
};

const after = (...commands: Command[]) =>
  commands.reduce((state, command) => {
    const decision = decide(state, command);
    return decision.kind === 'accepted' ? decision.events.reduce(evolve, state) : state;
  }, initial());

describe('attempt', () => {
  it('receives a callback once, whatever comes between', () => {
    expect(decide(initial(), received('a'))).to.deep.equal({
      kind: 'accepted',
      events: [{ type: 'ProviderCallbackReceived', data: received('a').data }],
    });
    const state = after(received('a'), late, received('b'));
    expect(decide(state, received('a')).kind).to.equal('alreadyDone');
    expect(decide(state, received('b')).kind).to.equal('alreadyDone');
    expect(decide(state, received('c')).kind).to.equal('accepted');
  });

  it('receives no more than there can be', () => {
    const many = Array.from({ length: CALLBACKS_MAX }, (_, n) => received(String(n)));
    const state = after(...many);
    expect(decide(state, received('more'))).to.deep.equal({
      kind: 'rejected',
      reason: 'TooManyCallbacks',
    });
    expect(decide(state, received('0')).kind).to.equal('alreadyDone');
  });

  it('knows one late answer', () => {
    expect(decide(initial(), late)).to.deep.equal({
      kind: 'accepted',
      events: [{ type: 'ProviderAnsweredLate', data: late.data }],
    });
    expect(decide(after(late), late).kind).to.equal('alreadyDone');
  });
});
