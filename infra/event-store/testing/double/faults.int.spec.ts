/** What the real client meets at the double, when it is killed, frozen or told to misbehave. */
import { spawn } from 'node:child_process';
import { appendFile, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ANY,
  type EventStoreDBClient,
  NO_STREAM,
  type AppendExpectedRevision,
} from '@eventstore/db-client';
import { expect } from 'chai';
import { repositoryRoot } from '../../../../testing/child-process.js';
import { eventually } from '../../../../testing/eventually.js';
import { temporaryFolder } from '../../../../testing/folders.js';
import type { EventStoreDouble } from './double.js';
import { doubleInSuite } from './double-in-suite.js';
import {
  errorOf,
  newEvent,
  newStream,
  readAllOf,
  revisionsOf,
  type ClientError,
} from './support.js';

const UNANSWERED_MS = 150;

describe('event store double: faults', () => {
  let dir: string;
  let double: EventStoreDouble;
  let client: EventStoreDBClient;
  doubleInSuite((opened) => ({ dir, double, client } = opened));

  const append = (
    stream: string,
    expectedRevision: AppendExpectedRevision,
    events = [newEvent('Happened')],
  ) => client.appendToStream(stream, events, { expectedRevision });

  /** The client learns of the restart by a call that fails, and connects again on the next. */
  const reconnected = () =>
    eventually('connected again', () =>
      readAllOf(client.readAll({ maxCount: 1 })).then(
        (events) => events.length === 1,
        () => false,
      ),
    );

  const isUnanswered = async (work: Promise<unknown>) => {
    const outcome = work.then(
      () => 'answered',
      () => 'answered',
    );
    return (await Promise.race([outcome, sleep(UNANSWERED_MS, 'silence')])) === 'silence';
  };

  it('kill -9 under load loses nothing that was acknowledged', async () => {
    const streams = Array.from({ length: 8 }, newStream);
    const acknowledged = new Map<string, bigint>();
    const writers = streams.map(async (stream) => {
      for (;;) {
        const events = [newEvent('A'), newEvent('B'), newEvent('C')];
        const expected = acknowledged.get(stream) ?? NO_STREAM;
        const done = await append(stream, expected, events).catch(() => undefined);
        if (!done) return;
        acknowledged.set(stream, done.nextExpectedRevision);
      }
    });
    const isBusy = (stream: string) => (acknowledged.get(stream) ?? 0n) > 50n;
    await eventually('every stream was written to', () => streams.every(isBusy));
    await double.kill();
    await Promise.all(writers);
    await double.restart();
    await reconnected();
    for (const [stream, last] of acknowledged) {
      const revisions = await revisionsOf(client, stream);
      expect(revisions).to.deep.equal(revisions.map((_, at) => BigInt(at)));
      expect(revisions.length % 3).to.equal(0);
      expect(revisions.length).to.be.greaterThan(Number(last));
    }
  });

  it('a torn tail is cut back to the last whole append', async () => {
    const log = join(dir, 'events.log');
    const [whole, torn] = [newStream(), newStream()];
    await append(whole, NO_STREAM);
    await append(torn, NO_STREAM, [newEvent('A'), newEvent('B')]);
    await double.kill();
    const { length } = await readFile(log);
    await truncate(log, length - 10);
    await double.restart();
    await reconnected();
    expect(await revisionsOf(client, whole)).to.deep.equal([0n]);
    expect((await errorOf(revisionsOf(client, torn))).type).to.equal('stream-not-found');
    expect((await append(torn, NO_STREAM)).nextExpectedRevision).to.equal(0n);
    await double.kill();
    await appendFile(log, Buffer.alloc(100, 7));
    await double.restart();
    await reconnected();
    expect((await append(torn, 0n)).nextExpectedRevision).to.equal(1n);
  });

  it('after a restart a repetition is known by its exact revision, or lands twice', async () => {
    const [exact, any, kept] = [newStream(), newStream(), newStream()];
    const event = newEvent('A');
    const first = await append(exact, NO_STREAM, [event]);
    const other = newEvent('B');
    await append(any, ANY, [other]);
    await append(any, ANY, [other]);
    expect(await revisionsOf(client, any)).to.deep.equal([0n]);
    await double.restart();
    await reconnected();
    expect(await append(exact, NO_STREAM, [event])).to.deep.equal(first);
    await append(any, ANY, [other]);
    expect(await revisionsOf(client, any)).to.deep.equal([0n, 1n]);

    await double.behave({ forgetIdsOnRestart: false });
    const last = newEvent('C');
    await append(kept, ANY, [last]);
    await double.restart();
    await reconnected();
    await append(kept, ANY, [last]);
    expect(await revisionsOf(client, kept)).to.deep.equal([0n]);
  });

  it('commit then silence: it is there, unanswered, and a repetition is answered', async () => {
    const stream = newStream();
    const events = [newEvent('A'), newEvent('B')];
    await double.behave({ commitThenSilence: 1 });
    expect(await isUnanswered(append(stream, NO_STREAM, events))).to.be.true;
    expect(await revisionsOf(client, stream)).to.deep.equal([0n, 1n]);
    expect((await append(stream, NO_STREAM, events)).nextExpectedRevision).to.equal(1n);
    expect(await revisionsOf(client, stream)).to.deep.equal([0n, 1n]);
  });

  it('silence: nothing lands, nothing is answered', async () => {
    const stream = newStream();
    for (const silence of [1, 'every', { chance: 1 }] as const) {
      await double.behave({ silence });
      expect(await isUnanswered(append(stream, NO_STREAM))).to.be.true;
    }
    await double.behave({ silence: 0 });
    expect((await errorOf(revisionsOf(client, stream))).type).to.equal('stream-not-found');
    expect((await append(stream, NO_STREAM)).nextExpectedRevision).to.equal(0n);
  });

  it('a delay keeps answers back, not events', async () => {
    const stream = newStream();
    await double.behave({ delayMs: 200 });
    const answer = append(stream, NO_STREAM);
    await eventually('it is there', () => revisionsOf(client, stream).catch(() => undefined));
    expect(await isUnanswered(answer)).to.be.true;
    await answer;
    await double.behave({ delayMs: 0 });
  });

  it('a busy, an unready and a following server say so, and nothing lands', async () => {
    const stream = newStream();
    await double.behave({ busy: 1 });
    expect((await errorOf(append(stream, NO_STREAM))).type).to.equal('unknown');
    await double.behave({ refuse: 1 });
    expect((await errorOf(append(stream, NO_STREAM))).type).to.equal('unavailable');
    await double.behave({ refuse: 1 });
    expect((await errorOf(revisionsOf(client, stream))).type).to.equal('unavailable');
    await double.behave({ notLeader: 1 });
    const error = await errorOf(append(stream, NO_STREAM));
    expect([error.type, error.leader]).to.deep.equal([
      'not-leader',
      { address: '127.0.0.1', port: double.port },
    ]);
    expect((await append(stream, NO_STREAM)).nextExpectedRevision).to.equal(0n);
  });

  it('a smaller largest append refuses earlier', async () => {
    await double.behave({ appendBytesMax: 1000 });
    const event = newEvent('A', { text: 'x'.repeat(1000) });
    expect((await errorOf(append(newStream(), NO_STREAM, [event]))).maxAppendSize).to.equal(1000);
    await double.behave({ appendBytesMax: 1024 * 1024 });
    await append(newStream(), NO_STREAM, [event]);
  });

  it('all subscribers are dropped on demand', async () => {
    const subscription = client.subscribeToAll();
    let error: ClientError | undefined;
    subscription.on('error', (reason) => (error = reason as ClientError)).resume();
    await eventually('subscribed', async () => (await double.status()).subscribers === 1);
    expect(await double.dropSubscribers()).to.equal(1);
    await eventually('dropped', () => error);
    expect(error?.message).to.contain('Consumer too slow to handle event while live');
  });

  it('a frozen double answers when it is thawed', async () => {
    const stream = newStream();
    double.freeze();
    const answer = append(stream, NO_STREAM);
    expect(await isUnanswered(answer)).to.be.true;
    double.thaw();
    expect((await answer).nextExpectedRevision).to.equal(0n);
  });

  it('an append that is found behind its deadline does not land', async () => {
    const stream = newStream();
    double.freeze();
    const deadline = UNANSWERED_MS / 3;
    const answer = errorOf(client.appendToStream(stream, newEvent('Late'), { deadline }));
    expect(await isUnanswered(answer)).to.be.true;
    double.thaw();
    expect((await answer).type).to.equal('deadline-exceeded');
    expect((await errorOf(revisionsOf(client, stream))).type).to.equal('stream-not-found');
  });

  it('it ends with its parent, frozen or not', async () => {
    const other = await temporaryFolder();
    const double = new URL('double.ts', import.meta.url).href;
    const script = `
      const { startEventStoreDouble } = await import(${JSON.stringify(double)});
      const started = await Promise.all(['a', 'b'].map((name) =>
        startEventStoreDouble({ dir: ${JSON.stringify(other.dir)} + '/' + name })));
      started[1].freeze();
      console.log(started.map(({ pid }) => pid).join(' '));`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const parent = spawn(process.execPath, args, {
      cwd: repositoryRoot,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const pids: number[] = [];
    createInterface({ input: parent.stdout }).on('line', (line) =>
      pids.push(...line.split(' ').map(Number)),
    );
    await eventually('two doubles run', () => pids.length === 2, 15_000);
    parent.kill('SIGKILL');
    await eventually('both are gone', () => !pids.some(isRunning));
    await other.remove();
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
