/** What `subscribe` promises. */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { eventually } from '../../../../testing/eventually.js';
import { NO_STREAM, START, type ReadStreamOptions } from '../../port.js';
import type { OpenHarness } from './harness.js';
import {
  bench,
  created,
  deposited,
  followed,
  idsOf,
  land,
  landed,
  named,
  newStream,
  offered,
  readToEnd,
  unitOf,
} from './kit.js';

export function subscriptionContract(open: OpenHarness): void {
  describe('subscribe', () => {
    const on = bench(open);

    it('tells that there is nothing behind the head', async () => {
      const head = await on.store.head();
      const follower = followed(on.store, head);
      await eventually('a batch', () => follower.batches.length > 0);
      await follower.stop();
      expect(follower.batches[0]).to.deep.equal({ events: [], position: head, caughtUp: true });
    });

    it('brings everything from a position on, then what is appended', async () => {
      const first = await land(on.store, newStream(), ...named(3));
      const old = named(700);
      await land(on.store, newStream(), ...old);
      const follower = followed(on.store, first.position);
      await follower.has(700);
      await eventually('caught up', () => follower.batches.at(-1)?.caughtUp);
      const fresh = named(5);
      for (const event of fresh) await land(on.store, newStream(), event);
      await follower.has(705);
      await follower.stop();
      expect(idsOf(follower.events)).to.deep.equal(idsOf([...old, ...fresh]));
      expect(idsOf(follower.events)).to.deep.equal(
        idsOf(await readToEnd(on.store, first.position)),
      );
    });

    it('brings what its filter passes, and goes forward through the rest', async () => {
      const after = await on.store.head();
      const account = newStream('account');
      const follower = followed(on.store, after, {
        categories: ['account'],
        types: ['FundsDeposited'],
      });
      await land(on.store, newStream(), ...named(30));
      const [wanted, unwanted] = [deposited(5n), created()];
      await land(on.store, account, wanted, unwanted);
      await follower.has(1);
      const { position } = await land(on.store, newStream(), ...named(30));
      await eventually('progress', () => follower.batches.at(-1)?.position === position);
      await follower.stop();
      expect(idsOf(follower.events)).to.deep.equal([wanted.id]);
      expect(follower.batches.at(-1)?.caughtUp).to.equal(true);
    });
  });
}

export function wakingContract(open: OpenHarness): void {
  describe('while a log is followed', () => {
    const on = bench(open);

    it('lets a stream be read from memory as from the log', async () => {
      const name = newStream();
      const all = named(4);
      const stop = new AbortController();
      const begun = on.store.subscribe(await on.store.head(), {}, stop.signal);
      const brought = (async () => {
        let count = 0;
        for await (const { events } of begun)
          if ((count += events.filter(({ stream }) => stream === name).length) === 4) return;
      })();
      await land(on.store, name, ...all);
      await brought;
      const read = async (options: ReadStreamOptions) =>
        (await on.store.readStream(name, options)).map(({ id, revision }) => ({ id, revision }));
      const expected = all.map(({ id }, revision) => ({ id, revision }));
      expect(await read({ through: 3 })).to.deep.equal(expected);
      expect((await read({ through: 1 })).slice(0, 2)).to.deep.equal(expected.slice(0, 2));
      const one = { fromRevision: 2, limit: 1, through: 2 };
      expect(await read(one)).to.deep.equal([expected[2]]);
      expect(await read({ fromRevision: 1, limit: 2, through: 3 })).to.deep.equal(
        expected.slice(1, 3),
      );
      expect(await read({ direction: 'backward', limit: 1, through: 3 })).to.deep.equal([
        expected[3],
      ]);
      stop.abort();
    });
  });

  describe('a subscription that waits', () => {
    const on = bench(open);

    it('is notified at once of appends of this process', async () => {
      const follower = followed(on.store, await on.store.head());
      const waitsMs: number[] = [];
      for (let n = 1; n <= 20; n++) {
        await land(on.store, newStream(), created());
        const began = performance.now();
        await follower.has(n);
        waitsMs.push(performance.now() - began);
      }
      await follower.stop();
      expect(waitsMs.sort((a, b) => a - b)[10]).to.be.lessThan(50);
    });

    it('gets what other stores append', async () => {
      const other = await on.another();
      const follower = followed(on.store, await on.store.head());
      const events = named(40);
      for (const [n, event] of events.entries())
        await land(n % 2 ? on.store : other, newStream(), event);
      await follower.has(40);
      await follower.stop();
      expect(idsOf(follower.events)).to.deep.equal(idsOf(events));
    });
  });
}

export function subscriberContract(open: OpenHarness): void {
  describe('subscribers', () => {
    const on = bench(open);

    it('each get everything at their own pace', async () => {
      const after = await on.store.head();
      const quick = followed(on.store, after);
      const slow = followed(on.store, after, {}, () => pause(20));
      const late = Promise.all(
        Array.from({ length: 60 }, () => land(on.store, newStream(), ...named(50))),
      ).then(() => followed(on.store, after));
      const followers = [quick, slow, await late];
      for (const follower of followers) await follower.has(3000, 10_000);
      for (const follower of followers) await follower.stop();
      const log = idsOf(await readToEnd(on.store, after, {}, 1000));
      for (const follower of followers) expect(idsOf(follower.events)).to.deep.equal(log);
    });

    it('end when the signal aborts: before, while waiting, and between batches', async () => {
      const aborted = on.store.subscribe(START, {}, AbortSignal.abort());
      for await (const batch of aborted) expect.fail(`a batch at ${batch.position}`);

      const waiting = followed(on.store, await on.store.head());
      await eventually('a batch', () => waiting.batches.length > 0);
      await waiting.stop();

      await land(on.store, newStream(), created());
      const aborting = new AbortController();
      let batches = 0;
      for await (const _ of on.store.subscribe(START, {}, aborting.signal)) {
        batches++;
        aborting.abort();
      }
      expect(batches).to.equal(1);
    });

    it('may leave by themselves', async () => {
      await land(on.store, newStream(), created());
      for await (const _ of on.store.subscribe(START, {}, new AbortController().signal)) break;
    });

    it('end when the store is closed', async () => {
      const other = await on.another();
      const ended = (async () => {
        const signal = new AbortController().signal;
        for await (const _ of other.subscribe(START, {}, signal)) await pause(1);
      })();
      await pause(50);
      await other.close();
      await ended;
    });
  });
}

export function outageContract(open: OpenHarness): void {
  describe('an outage', () => {
    const on = bench(open);

    it('is outlived by subscriptions, appends and reads', async function () {
      const cut = offered(this, on.harness.cut);
      const after = await on.store.head();
      const follower = followed(on.store, after);
      const ids: string[] = [];
      for (let n = 0; n < 30; n++) {
        const [stream, event] = [newStream(), created()];
        ids.push(event.id);
        const appended = on.store.append(unitOf(stream, NO_STREAM, event));
        if (n % 10 === 5) await cut();
        landed((await appended)[0]);
        expect(idsOf(await on.store.readStream(stream))).to.deep.equal([event.id]);
      }
      await follower.has(30);
      await follower.stop();
      expect(idsOf(follower.events)).to.deep.equal(ids);
    });
  });
}
