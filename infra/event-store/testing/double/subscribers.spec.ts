import { expect } from 'chai';
import type { Outbox } from './outbox.js';
import type { Source } from './sources.js';
import { waysOf } from './server-versions.js';
import { subscriberOf } from './subscribers.js';

const PAGE = 4;

/** A log of numbered events, each of which is wanted; pages of four. */
function sourceOf(log: { end: number }): Source {
  return {
    get end() {
      return log.end;
    },
    page: (from) => {
      const next = Math.min(log.end, from + PAGE);
      const found = Array.from({ length: next - from }, (_, at) => from + at);
      const considered = found.length;
      return { from, found, considered, next, isEnd: considered < PAGE };
    },
    placeFrom: (position) => Math.max(0, position),
    wants: () => true,
    message: (at) => Buffer.from([at]),
    positionAt: (at) => at,
    interval: undefined,
    passing: { passed: () => undefined, takeMs: () => 0 },
  };
}

function subscribed(version: string, log: { end: number }) {
  const sent: number[] = [];
  const outbox = {
    isFull: false as boolean,
    push: (message: Buffer) => void sent.push(message[0] ?? -1),
  } satisfies Outbox;
  const start = { place: 0, position: -1, isValid: true };
  const ways = waysOf(version);
  const node = { role: 'leader' } as const;
  const subscriber = subscriberOf({ source: sourceOf(log), outbox, node, ways, start });
  /** The bytes of the messages up to the first step that is none. */
  const take = () => {
    for (;;) {
      const { value } = subscriber.steps.next();
      if (!Buffer.isBuffer(value)) return value;
      sent.push(value.length === 1 ? (value[0] ?? -1) : -1);
    }
  };
  return { ...subscriber, outbox, sent, take };
}

const OTHER = -1;

describe('event store double: subscribers', () => {
  it('before 24.2 an event that comes while the last page waits for room ends it', () => {
    const log = { end: 2 };
    const { steps, outbox, sent } = subscribed('23.10.6', log);
    for (let taken = 0; taken < 3; taken++) steps.next();
    log.end = 3;
    outbox.isFull = true;
    expect(steps.next().value).to.deep.include({
      code: 10,
      details:
        'Operation timed out: Consumer too slow to handle event while transitioning to live. ' +
        'Client resubscription required.',
    });
    expect(sent).to.deep.equal([]);
  });

  it('before 24.2 such an event is sent before caught up while there is room', () => {
    const log = { end: 2 };
    const { steps, sent, take } = subscribed('23.10.6', log);
    for (let taken = 0; taken < 3; taken++) steps.next();
    log.end = 3;
    expect(take()).to.equal(undefined);
    expect(sent).to.deep.equal([2, OTHER]);
  });

  it('before 24.2 the thirty-third that waits live ends it', () => {
    const log = { end: 0 };
    const { take, offer } = subscribed('23.10.6', log);
    take();
    log.end = 32;
    while (offer());
    log.end = 33;
    offer();
    expect(take()).to.deep.include({ code: 10 });
  });

  it('from 24.2 on a live channel that overflows is read again from the log', () => {
    const log = { end: 0 };
    const { take, offer, sent } = subscribed('24.2.0', log);
    take();
    log.end = 40;
    while (offer());
    expect(take()).to.equal(undefined);
    const events = Array.from({ length: 40 }, (_, at) => at);
    expect(sent).to.deep.equal([OTHER, OTHER, ...events, OTHER]);
  });
});
