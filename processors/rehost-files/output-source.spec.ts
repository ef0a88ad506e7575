import { expect } from 'chai';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { DownloadRequest } from '../../http/client/outbound.js';
import { openSource, type Fetching } from './output-source.js';

/** Where an output is looked for; nothing is fetched. */
async function placeOf(url: string, providerOrigin?: string) {
  const asked: string[] = [];
  const download = (request: DownloadRequest) => {
    asked.push(request.url);
    return Promise.resolve({ kind: 'refused' as const, reason: 'not in a spec' });
  };
  const downloads = { download } as unknown as Fetching['downloads'];
  const { signal } = new AbortController();
  const found = await openSource({ url }, { downloads, providerOrigin, signal });
  return asked[0] ?? found;
}

describe('where an output is', () => {
  it('is at its address, whatever stands in it', async () => {
    expect(await placeOf('https://cdn.example/a b/ü.png')).to.equal(
      'https://cdn.example/a%20b/%C3%BC.png',
    );
  });

  it('is in its data URL, escaped or not', async () => {
    const bytes = Buffer.from([0xfb, 0xef, 0xff, 1]);
    const base64 = bytes.toString('base64');
    for (const text of [base64, encodeURIComponent(base64)]) {
      const found = await placeOf(`data:image/png;base64,${text}`);
      expect(found instanceof Readable && (await buffer(found))).to.deep.equal(bytes);
    }
  });

  it('is at its provider where it is a path', async () => {
    const origin = 'https://api.example';
    expect(await placeOf('/files/1.png?x=1', origin)).to.equal(
      'https://api.example/files/1.png?x=1',
    );
    expect(await placeOf('//cdn.example/1.png', origin)).to.equal('https://cdn.example/1.png');
    const nowhere = { kind: 'unusable', reason: 'its address is no URL' };
    expect(await placeOf('/files/1.png')).to.deep.equal(nowhere);
    expect(await placeOf('not an address', origin)).to.deep.equal(nowhere);
  });
});
