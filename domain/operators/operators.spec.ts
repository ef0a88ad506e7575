import { expect } from 'chai';
import type { OperatorKeyId } from '../../contracts/ids.js';
import { specFor } from '../testing/given-when-then.js';
import * as Operators from './operators.js';

const at = '2026-01-01T00:00:00.000Z';
const idOf = (n: number): OperatorKeyId =>
  `opk_00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const dataOf = (n: number) => ({
  keyId: idOf(n),
  name: `key ${n}`,
  role: 'SUPPORT' as const,
  hash: 'a'.repeat(64),
  hint: 'abcd',
  at,
});
const created = (n: number): Operators.Event => ({ type: 'OperatorKeyCreated', data: dataOf(n) });
const revoked = (n: number): Operators.Event => ({
  type: 'OperatorKeyRevoked',
  data: { keyId: idOf(n), at },
});

describe('operators', () => {
  const { given } = specFor(Operators);

  it('get keys', () => {
    given()
      .when({ type: 'CreateKey', data: dataOf(1) })
      .then(created(1));
  });

  it('lose a key once', () => {
    const revoke = { type: 'RevokeKey', keyId: idOf(1), at } as const;
    given(created(1)).when(revoke).then(revoked(1));
    given(created(1), revoked(1)).when(revoke).thenAlreadyDone();
    given().when(revoke).thenRejected('OperatorKeyUnknown');
  });

  it('have at most fifty at a time', () => {
    const full = Array.from({ length: Operators.KEYS_MAX }, (_, n) => created(n));
    const another = { type: 'CreateKey', data: dataOf(99) } as const;
    given(...full)
      .when(another)
      .thenRejected('TooManyOperatorKeys');
    given(...full, revoked(7))
      .when(another)
      .then(created(99));
  });

  it('are known by their keys that are not revoked', () => {
    const state = [created(1), created(2), revoked(1)].reduce(
      Operators.evolve,
      Operators.initial(),
    );
    expect(state.keys).to.deep.equal([dataOf(2)]);
  });
});
