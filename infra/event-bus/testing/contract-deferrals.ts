/** What every event bus does with a notification whose work goes on after its handler. */
import { expect } from 'chai';
import type { EventStore } from '../../event-store/port.js';
import type { EventBus, Notification } from '../port.js';
import { append, executionStream, gate, groupNamed, keyOf, type Runs } from './contract-kit.js';

interface Case {
  readonly store: EventStore;
  readonly bus: EventBus;
  readonly runs: Runs;
  crash(): Promise<void>;
  eventually<T>(what: string, ask: () => T | Promise<T>): Promise<NonNullable<T>>;
}

export function defers(the: Case): void {
  waitsForTheWork(the);
  deliversAgain(the);
}

function waitsForTheWork(the: Case): void {
  const checkpointOf = async (name: string) =>
    (await the.bus.lag()).find(({ group }) => group === name)?.checkpoint;

  it('lets all pass a deferred notification, and keeps the checkpoint below it', async () => {
    const group = { ...groupNamed('deferred'), concurrencyMax: 1 };
    const [slow, other] = [executionStream(), executionStream()];
    const [before] = await append(the.store, other, ['ExecutionExpired']);
    await append(the.store, slow, ['ExecutionExpired', 'ExecutionCancelled']);
    const [last] = await append(the.store, executionStream(), ['ExecutionExpired']);
    const held = gate();
    const delivered = new Set<string>();
    the.runs.start({
      ...group,
      handle: async (notification) => {
        delivered.add(keyOf(notification));
        const isDeferred = notification.stream === slow && notification.revision === 0;
        return isDeferred ? { outcome: 'later', processed: held.wait } : 'now';
      },
    });
    await the.eventually('all are delivered', () => delivered.size === 4);
    await the.eventually(
      'the first is done',
      async () => (await checkpointOf(group.name)) === before,
    );
    held.open();
    await the.eventually('all are done', async () => (await checkpointOf(group.name)) === last);
  });

  it('defers more notifications than are handled at one time', async () => {
    for (let n = 0; n < 20; n += 1)
      await append(the.store, executionStream(), ['ExecutionExpired']);
    const held = gate();
    const delivered = new Set<string>();
    const group = { ...groupNamed('many-deferred'), concurrencyMax: 2 };
    the.runs.start({
      ...group,
      handle: async (notification) => {
        delivered.add(keyOf(notification));
        return { outcome: 'later', processed: held.wait };
      },
    });
    await the.eventually('all are deferred', () => delivered.size === 20);
    held.open();
    const head = await the.store.head();
    await the.eventually('all are done', async () => (await checkpointOf(group.name)) === head);
  });
}

function deliversAgain(the: Case): void {
  it('delivers again what was deferred when it crashed, and what it gave up', async () => {
    const stream = executionStream();
    await append(the.store, stream, ['ExecutionExpired']);
    const group = groupNamed('deferred-again');
    let delivered = 0;
    const never = new Promise<void>(() => undefined);
    the.runs.start({
      ...group,
      handle: async () => {
        delivered += 1;
        return { outcome: 'later', processed: never };
      },
    });
    await the.eventually('it is deferred', () => delivered === 1);
    await the.crash();

    const attempts: number[] = [];
    const gaveUp = async () => {
      throw new Error('gave up');
    };
    the.runs.start({
      ...group,
      attemptsMax: 2,
      handle: async ({ attempt }: Notification) => {
        attempts.push(attempt);
        return { outcome: 'later', processed: gaveUp() };
      },
    });
    const letters = () => the.bus.deadLetters(group.name);
    await the.eventually('it is a dead letter', async () => (await letters())[0]);
    expect((await letters()).map(({ attempts: made, error }) => ({ made, error }))).to.deep.equal([
      { made: 2, error: 'Error: gave up' },
    ]);
    expect(attempts).to.deep.equal([1, 2]);
  });
}
