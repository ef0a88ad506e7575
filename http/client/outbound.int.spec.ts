import { expect } from 'chai';
import { buffer, text } from 'node:stream/consumers';
import type { OutboundOptions } from './outbound.js';
import { answered, quick, specKit, streamed } from './testing/kit.js';

describe('outbound', () => {
  const { open, serve } = specKit();

  it('sends what it is given and answers with what came', async () => {
    const seen: unknown[] = [];
    const { url } = await serve((request, response) => {
      const { method, url: path, headers } = request;
      void text(request).then((body) => {
        seen.push([method, path, headers, body]);
        response.writeHead(201, { 'X-Twice': ['a', 'b'], 'Content-Type': 'text/plain' });
        response.end('hello');
      });
    });
    const result = await open().request({
      ...quick(`${url}hook?a=b#c`),
      method: 'POST',
      headers: { 'X-Signature': 'abc', 'content-type': 'application/json' },
      body: Buffer.from('{"a":1}'),
    });
    expect(seen).to.deep.equal([
      [
        'POST',
        '/hook?a=b',
        {
          host: new URL(url).host,
          connection: 'keep-alive',
          'x-signature': 'abc',
          'content-type': 'application/json',
          'accept-encoding': 'identity',
          'content-length': '7',
        },
        '{"a":1}',
      ],
    ]);
    const { status, headers } = answered(result);
    expect(status).to.equal(201);
    expect([headers['x-twice'], headers['content-type']]).to.deep.equal(['a, b', 'text/plain']);
  });

  it('keeps a connection for the next call, once the server was seen to keep one', async () => {
    const place = await serve((_, response) => void response.end('ok'));
    const outbound = open();
    answered(await outbound.request(quick(place.url)));
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (let turn = 0; turn < 3; turn += 1) answered(await outbound.request(quick(place.url)));
    expect(place.connections).to.equal(2);
  });

  describe('who may be called', () => {
    it('refuses an address that is not allowed, and does not touch it', async () => {
      const place = await serve((_, response) => void response.end('secret'), '127.0.0.2');
      const outbound = open({}, '127.0.0.1');
      const reason = 'The URL is refused: its address is not a public one.';
      expect(await outbound.request(quick(place.url))).to.deep.equal({ kind: 'refused', reason });
      expect(await outbound.download(quick(place.url))).to.deep.equal({ kind: 'refused', reason });
      expect(place.connections).to.equal(0);
    });

    it('reaches a place of ours by its scheme, host and port, and nothing beside it', async () => {
      const ours = await serve((_, response) => void response.end('ours'));
      const other = await serve((_, response) => void response.end('secret'));
      const named = `http://ours.example:${ours.port}`;
      const resolveHost = resolving({ ours: ['127.0.0.1'] });
      const allowedOrigins = [new URL(ours.url).origin, named];
      const outbound = open({ allowedOrigins, resolveHost }, '');
      for (const url of [ours.url, `${ours.url}a?b`, `${named}/`]) {
        const { status, body } = streamed(await outbound.download(quick(url)));
        expect([status, String(await buffer(body))]).to.deep.equal([200, 'ours']);
      }
      const { connections } = ours;
      const beside = [
        other.url,
        ours.url.replace('http:', 'https:'),
        ours.url.replace('127.0.0.1', '127.0.0.2'),
        ours.url.replace('127.0.0.1', 'localhost'),
        `http://ours.example:${other.port}/`,
        `http://other.example:${ours.port}/`,
        `http://ours.example@127.0.0.1:${other.port}/`,
      ];
      for (const url of beside) {
        expect([url, (await outbound.download(quick(url))).kind]).to.deep.equal([url, 'refused']);
      }
      expect([ours.connections, other.connections]).to.deep.equal([connections, 0]);
    });

    it('refuses a name that leads there, and any answer that is mixed', async () => {
      const place = await serve((_, response) => void response.end('secret'), '127.0.0.2');
      const answers = { bad: ['127.0.0.2'], mixed: ['127.0.0.1', '127.0.0.2'], none: [] };
      const outbound = open({ resolveHost: resolving(answers) }, '127.0.0.1');
      for (const name of Object.keys(answers)) {
        const url = `http://${name}.example:${place.port}/`;
        expect(await outbound.request(quick(url))).to.deep.equal(forbidden);
      }
      expect(place.connections).to.equal(0);
    });

    it('refuses public addresses behind http and odd ports', async () => {
      const outbound = open({ resolveHost: resolving({ public: ['1.1.1.1'] }) });
      for (const url of ['http://public.example/', 'https://public.example:22/']) {
        expect(await outbound.request(quick(url))).to.deep.equal(forbidden);
      }
    });

    it('judges a name anew for each connection, so that rebinding gains nothing', async () => {
      const first = await serve((_, response) => {
        response.writeHead(204, { connection: 'close' }).end();
      });
      const secret = await serve(
        (_, response) => void response.end('secret'),
        '127.0.0.2',
        first.port,
      );
      const answers = [['127.0.0.1'], ['127.0.0.2'], ['127.0.0.1', '127.0.0.2']];
      const resolveHost = (): ReturnType<NonNullable<OutboundOptions['resolveHost']>> =>
        Promise.resolve((answers.shift() ?? []).map((address) => ({ address, family: 4 })));
      const outbound = open({ resolveHost }, '127.0.0.1');
      const url = `http://rebinding.example:${first.port}/`;
      expect(answered(await outbound.request(quick(url))).status).to.equal(204);
      expect(await outbound.request(quick(url))).to.deep.equal(forbidden);
      expect(await outbound.request(quick(url))).to.deep.equal(forbidden);
      expect([secret.connections, answers]).to.deep.equal([0, []]);
    });

    it('takes localhost for loopback without asking anybody', async () => {
      const place = await serve((_, response) => void response.end('ok'));
      const outbound = open({ resolveHost: () => Promise.reject(new Error('asked')) });
      for (const name of ['localhost', 'hooks.localhost']) {
        const result = await outbound.request(quick(`http://${name}:${place.port}/`));
        expect(answered(result).status).to.equal(200);
      }
    });

    it('answers with a redirect instead of following it', async () => {
      const secret = await serve((_, response) => void response.end('secret'));
      const place = await serve((_, response) => {
        response.writeHead(302, { location: secret.url }).end('moved');
      });
      const outbound = open();
      expect(answered(await outbound.request(quick(place.url))).status).to.equal(302);
      const download = streamed(await outbound.download(quick(place.url)));
      expect([download.status, String(await buffer(download.body))]).to.deep.equal([302, 'moved']);
      expect(secret.connections).to.equal(0);
    });

    it('refuses headers that would steer or break the request', async () => {
      const place = await serve((_, response) => void response.end('ok'));
      const outbound = open();
      const names = ['Host', 'Transfer-Encoding', 'accept-encoding', 'x a', 'x:a', ''];
      const bad = [...names.map((name) => [name, 'x']), ['x-a', 'b\r\nhost: x']];
      for (const header of bad) {
        const headers = Object.fromEntries([header]) as Record<string, string>;
        const result = await outbound.request({ ...quick(place.url), headers });
        expect(result.kind).to.equal('refused');
      }
      expect(place.connections).to.equal(0);
    });
  });
});

const forbidden = {
  kind: 'refused',
  reason: 'The call is refused: the host name leads to an address that may not be called.',
};

/** Answers for the first label of a name. */
function resolving(answers: Record<string, string[]>): NonNullable<OutboundOptions['resolveHost']> {
  return (hostname) => {
    const addresses = answers[hostname.split('.')[0]!] ?? [];
    return Promise.resolve(addresses.map((address) => ({ address, family: 4 })));
  };
}
