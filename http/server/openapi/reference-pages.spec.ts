import { expect } from 'chai';
import { openTestServer, type TestServer } from '../testing/kit.js';
import { referencePages } from './reference-pages.js';

describe('the reference page', () => {
  let server: TestServer;
  before(async () => {
    server = await openTestServer({ routes: [], pages: [referencePages()] });
  });
  after(() => server.close());

  it('loads nothing from elsewhere, and may not', async () => {
    const { status, headers, text } = await server.ask('GET', '/docs');
    expect(status).to.equal(200);
    expect(headers['content-type']).to.equal('text/html; charset=utf-8');
    expect(text).not.to.match(/(src|href|url)="(https?:)?\/\//);
    expect(text).to.contain('spec-url="/openapi.json"');
    const policy = String(headers['content-security-policy']);
    expect(policy).to.match(/^default-src 'none'; script-src 'self'; style-src 'unsafe-inline';/);
    expect(policy).not.to.match(/https?:|\*/);
  });

  it('has its script, which a browser may keep for an hour', async () => {
    const { text } = await server.ask('GET', '/docs');
    const [, src = ''] = /<script src="([^"]+)">/.exec(text) ?? [];
    const script = await server.ask('GET', src);
    expect(script.status).to.equal(200);
    expect(script.headers['content-type']).to.match(/^text\/javascript/);
    expect(script.headers['cache-control']).to.equal('public, max-age=3600');
    expect(script.text.length).to.be.above(100_000);
    const again = await server.ask('GET', src, {
      headers: { 'if-none-match': String(script.headers['etag']) },
    });
    expect(again.status).to.equal(304);
  });

  it('is found by its exact path', async () => {
    for (const path of ['/docs/', '/Docs', '/docs/other.js', '/docs/%zz'])
      expect((await server.ask('GET', path)).status, path).to.equal(404);
  });

  it('has no method but those that read', async () => {
    for (const method of ['POST', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await server.ask(method, '/docs');
      expect([status, headers['allow']]).to.deep.equal([405, 'GET, HEAD']);
    }
  });
});
