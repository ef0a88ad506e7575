/** Bodies that are streamed, and bodies that do not arrive in time. */
import { expect } from 'chai';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../../testing/eventually.js';
import { Refusal, type Route } from './route.js';
import { openTestServer, type TestServer } from './testing/kit.js';

const BODY_MS = 400;
const BYTES_MAX = 1_000_000;

describe('bodies that come slowly, or as a stream', () => {
  let server: TestServer;
  /** What the handler saw: bytes of whole bodies, or how they broke. */
  const seen: (number | string)[] = [];
  let takesAfterMs = 0;
  const streamed: Route = {
    method: 'PUT',
    path: '/stream',
    summary: 's',
    tag: 't',
    audience: 'link',
    takesStream: true,
    replySchemas: { 200: {} },
    async handle(request) {
      const body = request.bodyStream(BYTES_MAX);
      if (body instanceof Refusal) return body;
      let bytes = 0;
      try {
        await pause(takesAfterMs);
        for await (const chunk of body) bytes += (chunk as Buffer).length;
      } catch (error) {
        seen.push(String(error));
        throw error;
      }
      seen.push(bytes);
      return { status: 200, body: { bytes } };
    },
  };
  const json: Route = {
    method: 'POST',
    path: '/json',
    summary: 's',
    tag: 't',
    audience: 'link',
    bodySchema: { type: 'object' },
    replySchemas: { 200: {} },
    handle: async () => ({ status: 200, body: {} }),
  };
  before(async () => {
    server = await openTestServer({ routes: [streamed, json], bodyMs: BODY_MS });
  });
  beforeEach(() => {
    seen.length = 0;
    takesAfterMs = 0;
  });
  after(() => server.close());

  /** Sends those and no more; answers with what came when it is a whole head. */
  async function sending(...parts: readonly string[]): Promise<string> {
    const socket = connect(server.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    for (const part of parts) socket.write(part);
    await eventually('an answer', () => text.includes('}'));
    socket.destroy();
    return text;
  }
  const head = (line: string, length: number, ...more: string[]) =>
    [`${line} HTTP/1.1`, 'host: x', `content-length: ${length}`, ...more, '', ''].join('\r\n');

  it('are handed over whole, and held by nobody', async () => {
    const whole = 'x'.repeat(BYTES_MAX);
    expect(await sending(head('PUT /v1/stream', BYTES_MAX), whole)).to.match(/^HTTP\/1\.1 200 /);
    expect(seen).to.deep.equal([BYTES_MAX]);
  });

  it('are asked for only when the handler wants them', async () => {
    const [over, fits] = [BYTES_MAX + 1, 3];
    const refused = await sending(head('PUT /v1/stream', over, 'expect: 100-continue'));
    expect(refused).to.match(/^HTTP\/1\.1 413 /);
    const taken = await sending(head('PUT /v1/stream', fits, 'expect: 100-continue'), 'abc');
    expect(taken).to.match(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  });

  it('are refused where they are larger than announced to nobody', async () => {
    const chunked = 'PUT /v1/stream HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n';
    const piece = `${(500_000).toString(16)}\r\n${'x'.repeat(500_000)}\r\n`;
    const text = await sending(chunked, piece, piece, '1\r\nx\r\n', '0\r\n\r\n');
    expect(text).to.match(/^HTTP\/1\.1 413 /);
  });

  it('are refused when nothing comes for too long', async () => {
    const text = await sending(head('PUT /v1/stream', 10), 'half ');
    expect(text)
      .to.match(/^HTTP\/1\.1 400 /)
      .and.to.include('connection: close');
    expect(seen).to.deep.equal(['Refusal: No byte of the body came for too long.']);
  });

  it('wait for a handler that is slower than they are', async () => {
    takesAfterMs = 2.5 * BODY_MS;
    const whole = 'x'.repeat(BYTES_MAX);
    expect(await sending(head('PUT /v1/stream', BYTES_MAX), whole)).to.match(/^HTTP\/1\.1 200 /);
  });

  it('break when their sender leaves, and nobody is answered', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(head('PUT /v1/stream', 10) + 'half ');
    await pause(50);
    socket.destroy();
    await eventually('it broke', () => seen.length > 0);
    expect(seen).to.deep.equal(['Error: the caller hung up']);
  });

  it('of other routes are to be there soon', async () => {
    const text = await sending(head('POST /v1/json', 10, 'content-type: application/json'), '{"a"');
    expect(text).to.match(/^HTTP\/1\.1 408 /);
    const page = await sending(head('GET /v1/nothing', 10), 'half');
    expect(page).to.match(/^HTTP\/1\.1 404 /);
  });
});
