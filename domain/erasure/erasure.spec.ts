import { expect } from 'chai';
import * as Erasure from './erasure.js';

describe('the erasure of an execution', () => {
  const data = {
    executionId: 'exec_33333333-3333-4333-8333-333333333333',
    organizationId: 'org_11111111-1111-4111-8111-111111111111',
    cause: 'asked',
    payloads: [{ ref: 'exec_1/input/0', sha256: 'ab'.repeat(32), bytes: 12 }],
    bytes: 12,
    files: [],
    at: '2026-01-31T12:00:00.000Z',
  } as const satisfies Erasure.Event['data'];
  const event = { type: 'PayloadsErased', data } as const;
  const command = { type: 'Erase', data } as const;

  it('given contents, then they are erased', () => {
    expect(Erasure.decide(Erasure.initial(), command)).to.deep.equal({
      kind: 'accepted',
      events: [event],
    });
  });

  it('given an erasure, then nothing changes', () => {
    const state = Erasure.evolve(Erasure.initial(), event);
    expect(state).to.deep.equal({ status: 'erased', at: data.at });
    expect(Erasure.decide(state, command)).to.deep.equal({ kind: 'alreadyDone' });
  });
});
