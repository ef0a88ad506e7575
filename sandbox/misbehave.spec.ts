import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { Agent, request } from 'undici';
import { misbehaviours } from './misbehave.js';
import { behave, calls, prompt, withSandbox } from './testing/kit.js';

describe('sandbox misbehaviour', () => {
  const sandbox = withSandbox();
  const ask = async (misbehaviour: string, more: Parameters<typeof request>[1] = {}) => {
    await behave(sandbox.url(), { aurora: { misbehaviour } });
    return request(`${sandbox.url()}/aurora/v1/chat/completions`, {
      ...more,
      method: 'POST',
      headers: { authorization: 'Bearer any' },
      body: JSON.stringify(prompt('x')),
    });
  };
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'no error',
      (error: Error & { code?: string }) => error.code ?? error.name,
    );

  it('records each as paid, save the redirect', async () => {
    for (const kind of Object.keys(misbehaviours)) {
      const signal = AbortSignal.timeout(150);
      await codeOf(ask(kind, { signal }).then(({ body }) => body.dump({ limit: 1 })));
    }
    const record = await calls(sandbox.url());
    expect(
      record.map(({ misbehaviour, status, paid, finished }) => ({
        misbehaviour,
        status,
        paid,
        finished,
      })),
    ).to.deep.equal(
      Object.entries(misbehaviours).map(([misbehaviour, { status, paid }]) => ({
        misbehaviour,
        status,
        paid,
        finished: true,
      })),
    );
  });

  it('timeout: never answers', async () => {
    const code = await codeOf(ask('timeout', { signal: AbortSignal.timeout(300) }));
    expect(code).to.equal(23);
  });

  it('drip: one byte a second', async () => {
    const { statusCode, body } = await ask('drip');
    const from = performance.now();
    const bytes: number[] = [];
    for await (const chunk of body) {
      bytes.push((chunk as Buffer).length);
      if (bytes.length === 2) break;
    }
    expect(statusCode).to.equal(200);
    expect(bytes).to.deep.equal([1, 1]);
    expect(performance.now() - from).to.be.within(1500, 4000);
  });

  it('headers-never-end: header lines, and no end of them', async () => {
    await behave(sandbox.url(), { aurora: { misbehaviour: 'headers-never-end' } });
    const body = JSON.stringify(prompt('x'));
    const { port } = new URL(sandbox.url());
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('POST /aurora/v1/chat/completions HTTP/1.1\r\nHost: x\r\n');
    socket.write(`Authorization: Bearer x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    let seen = '';
    for await (const chunk of socket) {
      seen += String(chunk);
      if (seen.includes('x-padding-3')) break;
    }
    expect(seen)
      .to.match(/^HTTP\/1\.1 200 OK\r\n/)
      .and.not.contain('\r\n\r\n');
  });

  it('reset-mid-body and truncated: half of the announced body', async () => {
    const reset = await ask('reset-mid-body');
    expect(await codeOf(reset.body.text())).to.equal('ECONNRESET');
    const truncated = await ask('truncated');
    expect(await codeOf(truncated.body.text())).to.equal('UND_ERR_SOCKET');
  });

  it('malformed: whole, but no JSON', async () => {
    const { statusCode, headers, body } = await ask('malformed');
    expect([statusCode, headers['content-type']]).to.deep.equal([200, 'application/json']);
    expect(await codeOf(body.json())).to.equal('SyntaxError');
  });

  it('gzip-bomb: a megabyte that opens up to a gigabyte', async () => {
    const { headers, body } = await ask('gzip-bomb');
    const bytes = Buffer.from(await body.arrayBuffer());
    expect(headers['content-encoding']).to.equal('gzip');
    expect(bytes.length).to.be.lessThan(2 * 1024 * 1024);
    const member = bytes.subarray(0, bytes.length / 64);
    expect(gunzipSync(member).length).to.equal(16 * 1024 * 1024);
  });

  it('huge-body announces a gigabyte, endless-body nothing; both stream', async () => {
    for (const [kind, announced] of [
      ['huge-body', '1073741824'],
      ['endless-body', undefined],
    ] as const) {
      const dispatcher = new Agent();
      const { headers, body } = await ask(kind, { dispatcher });
      expect(headers['content-length']).to.equal(announced);
      let bytes = 0;
      for await (const chunk of body) {
        bytes += (chunk as Buffer).length;
        if (bytes > 8 * 1024 * 1024) break;
      }
      await dispatcher.destroy();
    }
  });

  it('nan-usage, negative-usage, huge-usage: counts that are none', async () => {
    for (const [kind, count] of [
      ['nan-usage', 'NaN'],
      ['negative-usage', '-1000'],
      ['huge-usage', '1e308'],
    ] as const) {
      const text = await (await ask(kind)).body.text();
      expect(text).to.contain(
        `"usage":{"prompt_tokens":${count},"completion_tokens":${count},"total_tokens":${count}}`,
      );
    }
  });

  it('redirect: 307 to a path where the record shows whoever follows', async () => {
    const { statusCode, headers, body } = await ask('redirect');
    await body.dump();
    expect([statusCode, headers['location']]).to.deep.equal([
      307,
      `${sandbox.url()}/aurora/v1/elsewhere`,
    ]);
    const followed = await request(String(headers['location']));
    await followed.body.dump();
    const record = await calls(sandbox.url());
    expect(record.map(({ path, status, paid }) => [path, status, paid])).to.deep.equal([
      ['/aurora/v1/chat/completions', 307, false],
      ['/aurora/v1/elsewhere', 404, false],
    ]);
  });
});
