import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { eventually } from '../../testing/eventually.js';
import { openCachedDataKeys } from './cached.js';
import type { CachedDataKeys, DataKeys } from './port.js';
import { openMemoryDataKeys } from './testing/memory.js';

describe('cached data keys', () => {
  const organizationId = `org_${randomUUID()}`;
  let stored: DataKeys;
  let reads: string[];
  let isAway: boolean;
  let keys: CachedDataKeys | undefined;

  beforeEach(() => {
    stored = openMemoryDataKeys();
    reads = [];
    isAway = false;
  });
  afterEach(() => keys?.close());

  const counted = (): DataKeys => ({
    ...stored,
    keyFor: (id) => {
      reads.push('keyFor');
      return stored.keyFor(id);
    },
    keyOf: (id) => {
      reads.push('keyOf');
      return stored.keyOf(id);
    },
    changed: (after) => {
      reads.push('changed');
      return isAway ? Promise.reject(new Error('away')) : stored.changed(after);
    },
  });
  const open = (options: Partial<Parameters<typeof openCachedDataKeys>[0]> = {}) =>
    (keys = openCachedDataKeys({ keys: counted(), lookEveryMs: 5, ...options }));
  const lookups = () => reads.filter((read) => read !== 'changed');

  it('reads a key once, whether it is asked for by its organization or its id', async () => {
    const cached = open();
    expect(cached.known(organizationId)).to.equal(undefined);
    const key = await cached.keyFor(organizationId);
    if (key === 'erased') return expect.fail('it was destroyed');
    expect(await cached.keyFor(organizationId)).to.equal(key);
    expect(await cached.keyOf(key.id)).to.equal(key);
    expect(cached.known(organizationId)).to.equal(key);
    expect(lookups()).to.deep.equal(['keyFor']);
  });

  it('forgets a key that another process destroyed', async () => {
    const cached = open();
    const key = await cached.keyFor(organizationId);
    await stored.destroy(organizationId);
    await eventually('it is forgotten', () => cached.known(organizationId) === undefined);
    expect(await cached.keyFor(organizationId)).to.equal('erased');
    expect(typeof key === 'object' && (await cached.keyOf(key.id))).to.equal('erased');
  });

  it('does not use what it has when nobody can say whether it was destroyed', async () => {
    const cached = open({ staleAfterMs: 50 });
    await cached.keyFor(organizationId);
    isAway = true;
    await eventually('it is stale', () => cached.known(organizationId) === undefined);
    const error = await cached.keyFor(organizationId).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(Error);
    isAway = false;
    await eventually('it is used again', () => cached.known(organizationId) !== undefined);
  });

  it('asks nothing any more when nobody asks it', async () => {
    const cached = open({ idleMs: 20 });
    await cached.keyFor(organizationId);
    await eventually('it is forgotten', () => {
      const before = reads.length;
      return new Promise<boolean>((done) => setTimeout(() => done(reads.length === before), 30));
    });
    expect(cached.known(organizationId)).to.equal(undefined);
  });

  it('keeps a bounded number', async () => {
    const cached = open({ organizationsMax: 4 });
    const ids = Array.from({ length: 8 }, () => `org_${randomUUID()}`);
    for (const id of ids) await cached.keyFor(id);
    const known = ids.filter((id) => cached.known(id) !== undefined);
    expect(known.length).to.be.within(2, 6);
  });
});
