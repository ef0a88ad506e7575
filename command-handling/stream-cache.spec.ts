import { expect } from 'chai';
import { openStreamCache } from './stream-cache.js';

const at = (revision: number, state: unknown = { status: 'none' }) => ({ state, revision });

describe('the stream cache', () => {
  it('keeps the newest state of a stream, whoever comes last with an older one', () => {
    const cache = openStreamCache();
    cache.keep('execution-a', at(3));
    cache.keep('execution-a', at(2));
    expect(cache.get('execution-a')).to.deep.equal(at(3));
    cache.keep('execution-a', at(4));
    expect(cache.get('execution-a')?.revision).to.equal(4);
    cache.evict('execution-a');
    expect(cache.get('execution-a')).to.equal(undefined);
  });

  it('drops states that have not changed for longest, past so many', () => {
    const cache = openStreamCache({ entriesMax: 4 });
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f'] as const)
      cache.keep(`execution-${name}`, at(0));
    expect(cache.get('execution-a')).to.equal(undefined);
    expect(cache.get('execution-f')?.revision).to.equal(0);
  });

  it('drops states past so many bytes, and keeps none that is larger alone', () => {
    const cache = openStreamCache({ bytesMax: 10_000 });
    const text = (bytes: number) => ({ request: { metadata: { note: 'x'.repeat(bytes) } } });
    cache.keep('execution-a', at(0, text(4_000)));
    cache.keep('execution-b', at(0, text(4_000)));
    cache.keep('execution-c', at(0, text(4_000)));
    cache.keep('execution-d', at(0, text(4_000)));
    expect(cache.get('execution-a')).to.equal(undefined);
    expect(cache.get('execution-d')?.revision).to.equal(0);
    cache.keep('execution-e', at(0, text(20_000)));
    expect(cache.get('execution-e')).to.equal(undefined);
  });
});
