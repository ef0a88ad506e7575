/** What is kept: exactly what was given, or nothing. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { StreamName } from '../../../../contracts/streams.js';
import {
  NO_STREAM,
  StoreOverloaded,
  StoreUnavailable,
  type AppendUnit,
  type Payload,
  type StreamAppend,
} from '../../port.js';
import type { OpenHarness } from './harness.js';
import {
  adding,
  bench,
  created,
  deposited,
  land,
  metadata,
  named,
  newStream,
  unitOf,
} from './kit.js';

const ODD_TEXTS = [
  '',
  'a\u0000b',
  '\ud800 alone',
  'alone \udc00',
  '😀 é ﷽ \u200b\ufeff',
  '"quoted" \'single\' `tick`',
  'back\\slash \\u0000 \\\\',
  '{"json": [1, null]}, {NULL}, {a,"b"}',
  '\n\r\t\u2028\u2029\u007f\u001f',
  '$1 %s ; DROP TABLE events; --',
  '__proto__',
];

export function contentsContract(open: OpenHarness): void {
  describe('events', () => {
    const on = bench(open);

    it('are read as they were written', async () => {
      const stream = newStream();
      const event = created('acme');
      const { position } = await land(on.store, stream, event);
      const read = await on.store.readStream(stream);
      expect(read).to.deep.equal([{ ...event, stream, revision: 0, position }]);
    });

    it('keep every text that JSON allows', async () => {
      const stream = newStream();
      const events = ODD_TEXTS.map((text) => ({
        ...created(text),
        metadata: { ...metadata, actor: text },
      }));
      await land(on.store, stream, ...events);
      const read = await on.store.readStream(stream);
      const told = read.map((event) => [
        (event.data as { name: string }).name,
        event.metadata.actor,
      ]);
      expect(told).to.deep.equal(ODD_TEXTS.map((text) => [text, text]));
    });

    it('keep money exact, as bigint', async () => {
      const stream = newStream('account');
      const amounts = [0n, 1n, -1n, 10_000n, 48_000n, 1_234_567_890_123n, 999_999_999_999_999_999n];
      await land(on.store, stream, ...amounts.map(deposited));
      const read = await on.store.readStream(stream);
      const told = read.map((event) => (event.data as { amount: bigint }).amount);
      expect(told).to.deep.equal(amounts);
    });

    it('may be large', async () => {
      const stream = newStream();
      await land(on.store, stream, ...named(200, 'x'.repeat(4_000)));
      const read = await on.store.readStream(stream);
      expect((read[199]?.data as { name: string }).name).to.equal(`${'x'.repeat(4_000)}199`);
    });
  });
}

export function poisonContract(open: OpenHarness): void {
  describe('a unit that cannot be kept', () => {
    const on = bench(open);
    const good = created();
    const poisons: Record<string, (stream: StreamName) => AppendUnit> = {
      'lacks a field': (stream) =>
        unitOf(stream, NO_STREAM, { ...good, data: { at: good.metadata.time } as never }),
      'has a field too many': (stream) =>
        unitOf(stream, NO_STREAM, { ...good, data: { ...good.data, more: 1 } as never }),
      'has a number for money': (stream) =>
        unitOf(stream, NO_STREAM, {
          ...deposited(1n),
          data: { ...deposited(1n).data, amount: 1 },
        } as never),
      'is of no known type': (stream) =>
        unitOf(stream, NO_STREAM, { ...good, type: 'toString' as never }),
      'has no UUID': (stream) => unitOf(stream, NO_STREAM, { ...good, id: 'x' }),
      'has bad metadata': (stream) =>
        unitOf(stream, NO_STREAM, { ...good, metadata: { ...metadata, time: 'noon' } }),
      'is written as another version': (stream) =>
        unitOf(stream, NO_STREAM, { ...good, metadata: { ...metadata, schemaVersion: 99 } }),
      'has no events': (stream) => unitOf(stream, NO_STREAM),
      'names no stream': (stream) => unitOf(`${stream}\u0000` as StreamName, NO_STREAM, good),
      'expects a revision that cannot be': (stream) => unitOf(stream, 0.5, good),
    };

    for (const [what, poison] of Object.entries(poisons)) {
      it(`is rejected alone when it ${what}`, async () => {
        const stream = newStream();
        const neighbours = Array.from({ length: 4 }, () =>
          unitOf(newStream(), NO_STREAM, created()),
        );
        const units = [...neighbours.slice(0, 2), poison(stream), ...neighbours.slice(2)];
        const settled = await Promise.allSettled(units.map((unit) => on.store.append(unit)));
        const kinds = settled.map(({ status }) => status);
        const [ok, bad] = ['fulfilled', 'rejected'];
        expect(kinds).to.deep.equal([ok, ok, bad, ok, ok]);
        const reason: unknown = (settled[2] as PromiseRejectedResult).reason;
        expect(reason).to.be.instanceOf(Error);
        expect(reason).not.to.be.instanceOf(StoreUnavailable);
        expect(await on.store.readStream(stream)).to.deep.equal([]);
      });
    }

    it('keeps nothing of it, whichever of its events is bad', async () => {
      const [lead, follower] = [newStream(), newStream()];
      const bad = { ...created(), data: {} as never };
      const unit: AppendUnit = {
        appends: [adding(lead, NO_STREAM, created()), adding(follower, NO_STREAM, bad)],
      };
      const [settled] = await Promise.allSettled([on.store.append(unit)]);
      expect(settled?.status).to.equal('rejected');
      expect(await on.store.readStream(lead)).to.deep.equal([]);
    });
  });
}

export function payloadContract(open: OpenHarness): void {
  describe('payloads of a unit', () => {
    const on = bench(open);
    const payload = (bytes: Buffer, ref = `suite/${randomUUID()}`): Payload => ({
      ref,
      organizationId: `org_${randomUUID()}`,
      bytes,
    });

    it('are there when the append is answered', async () => {
      const payloads = [
        payload(Buffer.from([0, 255, 39, 92])),
        payload(Buffer.alloc(64 * 1024, 7)),
      ];
      await on.store.append({ ...unitOf(newStream(), NO_STREAM, created()), payloads });
      for (const { ref, bytes } of payloads)
        expect(await on.harness.payload(ref)).to.deep.equal(bytes);
    });

    it('are there with the dependent appends that name them', async () => {
      const one = payload(Buffer.from('of a dependent append'));
      const appends = [newStream(), newStream()].map(
        (stream) => unitOf(stream, NO_STREAM, created()).appends[0],
      ) as [StreamAppend, StreamAppend];
      const unit = { appends, payloads: [one], isPrimaryPlain: true };
      let landed = 0;
      const outcomes = await on.store.append({ ...unit, onPrimaryLanded: () => void landed++ });
      expect(outcomes.map(({ status }) => status)).to.deep.equal(['appended', 'appended']);
      expect(landed).to.be.at.most(1);
      expect(await on.harness.payload(one.ref)).to.deep.equal(one.bytes);
      const late = unitOf(appends[0].stream, NO_STREAM, created());
      const [conflict] = await on.store.append({ ...late, onPrimaryLanded: () => void landed++ });
      expect(conflict?.status).to.equal('conflict');
      expect(landed).to.be.at.most(1);
    });

    it('keep their first bytes', async () => {
      const first = payload(Buffer.from('first'));
      const second = payload(Buffer.from('second'), first.ref);
      for (const one of [first, second])
        await on.store.append({ ...unitOf(newStream(), NO_STREAM, created()), payloads: [one] });
      expect(String(await on.harness.payload(first.ref))).to.equal('first');
    });
  });
}

export function overloadContract(open: OpenHarness): void {
  describe('a full queue', () => {
    const on = bench(open);

    it('refuses with StoreOverloaded, writes nothing of it, and takes appends again', async () => {
      const narrow = await on.another({ queueUnitsMax: 8 });
      const units = named(100).map((event) => unitOf(newStream(), NO_STREAM, event));
      const settled = await Promise.allSettled(units.map((unit) => narrow.append(unit)));
      const refused = settled.flatMap((one): unknown[] =>
        one.status === 'rejected' ? [one.reason] : [],
      );
      expect(refused.length).to.be.within(1, 92);
      for (const reason of refused) expect(reason).to.be.instanceOf(StoreOverloaded);
      for (const [n, { appends }] of units.entries()) {
        const there = await on.store.readStream(appends[0].stream);
        expect(there.length).to.equal(settled[n]?.status === 'fulfilled' ? 1 : 0);
      }
      await land(narrow, newStream(), created());
    });
  });
}
