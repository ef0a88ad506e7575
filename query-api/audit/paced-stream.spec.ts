import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { pacedStream } from './paced-stream.js';

describe('a stream with a pace', () => {
  async function* chunksOf(count: number, onEnded = () => undefined): AsyncGenerator<string> {
    try {
      for (let n = 0; n < count; n++) yield 'x'.repeat(100_000);
    } finally {
      onEnded();
    }
  }

  it('comes whole to a reader that takes it', async () => {
    const stream = pacedStream(chunksOf(20), { graceMs: 500, charsASecond: 1_000_000 });
    expect(await text(stream)).to.have.length(2_000_000);
  });

  it('breaks where nobody takes it, and what makes it ends', async () => {
    let ended = 0;
    const chunks = chunksOf(20, () => void ended++);
    const stream = pacedStream(chunks, { graceMs: 50, charsASecond: 100_000_000 });
    stream.read();
    const [error] = (await once(stream, 'error')) as [Error];
    expect(error.message).to.equal('the reader takes less than 100000000 bytes a second');
    expect([stream.destroyed, ended]).to.deep.equal([true, 1]);
  });

  it('breaks for a reader that takes little at a time', async () => {
    const stream = pacedStream(chunksOf(20), { graceMs: 50, charsASecond: 10_000_000 });
    const taking = setInterval(() => void stream.read(10), 10);
    const [error] = (await once(stream, 'error')) as [Error];
    clearInterval(taking);
    expect(error.name).to.equal('TooSlow');
  });
});
