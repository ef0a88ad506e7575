import { expect } from 'chai';
import fc from 'fast-check';
import { messageOf, notificationIn } from './event-notification.js';

const notification = {
  stream: 'execution-exec_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44',
  revision: 3,
  type: 'ExecutionExpired',
  position: 7n,
} as const;
const plain = { ...notification, position: '7', epoch: 'own' };

describe('the message of an event notification', () => {
  it('is read as it was written', () => {
    const { value } = messageOf(notification, 'own');
    expect(notificationIn(value)).to.deep.equal({ notification, epoch: 'own' });
  });

  it('is none when it is anything else', () => {
    const others: readonly unknown[] = [
      null,
      7,
      'text',
      [],
      {},
      { ...plain, stream: 7 },
      { ...plain, stream: 'execution' },
      { ...plain, stream: 'execution-\u0000' },
      { ...plain, stream: `execution-${'x'.repeat(500)}` },
      { ...plain, type: null },
      { ...plain, revision: -1 },
      { ...plain, revision: 0.5 },
      { ...plain, revision: 2 ** 31 },
      { ...plain, revision: '3' },
      { ...plain, position: 7 },
      { ...plain, position: '-7' },
      { ...plain, position: '9223372036854775808' },
      { ...plain, epoch: {} },
    ];
    for (const other of others)
      expect(notificationIn(JSON.stringify(other)), JSON.stringify(other)).to.equal(undefined);
    for (const text of ['', 'no JSON', '{', '{"stream":', '\u0000', '[[[['])
      expect(notificationIn(text), text).to.equal(undefined);
    fc.assert(fc.property(fc.string(), (text) => notificationIn(text) === undefined));
    fc.assert(fc.property(fc.json(), (json) => notificationIn(json) === undefined));
  });
});
