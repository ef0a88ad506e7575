/** What every wire adapter reads, however the answer is wrapped, and what it does not unpack. */
import { expect } from 'chai';
import type { ServerResponse } from 'node:http';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { ProviderOutcome } from '../port.js';
import { expectFailed, expectUnknown, PROMPT, sick, well, type Play } from './expectations.js';
import { json, type Answer } from './stage.js';

const coded =
  (coding: string | undefined, body: Buffer, status = 200): Answer =>
  (response: ServerResponse) => {
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(coding !== undefined && { 'content-encoding': coding }),
    });
    response.end(body);
  };

/** Bytes of our own choice; the connection ends after them unless its framing says when. */
const bytes =
  (...pieces: readonly string[]): Answer =>
  ({ socket }) => {
    pieces.forEach((piece, index) => setTimeout(() => socket?.write(piece), index * 20));
  };

/** `playSmall` is of a provider that keeps 1 MB of an answer. */
export function wrappings(
  play: Play,
  playSmall: Play,
  answer: unknown,
  outcome: ProviderOutcome,
): void {
  for (const [what, wrapping] of Object.entries(wrappingsOf(answer)))
    it(`reads an answer with ${what}`, async () => {
      expect(await play(wrapping)).to.deep.equal(outcome);
    });

  it('reads a refusal in the same wrappings', async () => {
    const error = { error: { code: 'content_policy_violation', message: PROMPT } };
    const refusal = Buffer.from(JSON.stringify(error));
    for (const answered of [
      coded('gzip', gzipSync(refusal), 400),
      coded('br', brotliCompressSync(refusal), 400),
      coded('gzip', gzipSync(refusal).subarray(0, -8), 400),
      json(`\ufeff${JSON.stringify(error)}`, 400),
      json([error], 400),
    ])
      expectFailed(await play(answered), 'CONTENT_MODERATION_REJECTED', well);
    expectFailed(await play(json([error])), 'CONTENT_MODERATION_REJECTED', well);
  });

  limits(play, playSmall, answer);
}

function limits(play: Play, playSmall: Play, answer: unknown): void {
  it('does not know what came of an answer that was packed and cut', async () => {
    const half = gzipSync(JSON.stringify(answer)).subarray(0, -12);
    expectUnknown(await play(coded('gzip', half)));
  });

  it('decides once about what unpacks to more than is kept', async () => {
    const answered = coded('gzip', bomb());
    const before = process.memoryUsage().arrayBuffers;
    const outcome = await playSmall(answered, { timeoutMs: 5_000 });
    expectFailed(outcome, 'GENERATION_FAILED', sick);
    expect(outcome).to.include({ elsewhere: true });
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(32 * 1024 * 1024);
  });

  it('decides once about a head that is larger than any', async () => {
    const endless = `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`;
    const outcome = await play(bytes(endless));
    expectFailed(outcome, 'GENERATION_FAILED', sick);
  });
}

const wrappingsOf = (answer: unknown): Record<string, Answer> => {
  const text = JSON.stringify(answer);
  return { ...packed(text, Buffer.from(text)), ...framed(text, Buffer.from(text)) };
};

const packed = (text: string, body: Buffer): Record<string, Answer> => ({
  'a byte order mark': json(`\ufeff${text}`),
  'leading blank lines': json(`\r\n\n  ${text}\n\n`),
  'blanks by which a gateway kept the connection': json(
    `${'\n         '.repeat(40)}${text}${' \r\n'.repeat(60)}`,
  ),
  gzip: coded('gzip', gzipSync(body)),
  'x-gzip, in capitals': coded('X-GZIP', gzipSync(body)),
  'gzip that is not named': coded(undefined, gzipSync(body)),
  'gzip of a byte order mark': coded('gzip', gzipSync(`\ufeff${text}`)),
  deflate: coded('deflate', deflateSync(body)),
  'deflate without its header': coded('deflate', deflateRawSync(body)),
  br: coded('br', brotliCompressSync(body)),
  'two codings': coded('deflate, gzip', gzipSync(deflateSync(body))),
  'a coding that was taken off before': coded('gzip', body),
  Identity: coded('Identity', body),
  'no coding that is named': coded('', body),
  'a coding that nobody knows': coded('utf-8', body),
});

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';

function framed(text: string, body: Buffer): Record<string, Answer> {
  const length = `content-length: ${body.length}\r\n`;
  return {
    'blank lines before the head': bytes(`\r\n\r\n${HEAD}${length}\r\n${text}`),
    'its length twice': bytes(`${HEAD}${length}${length}\r\n${text}`),
    'its length twice in one line': bytes(
      `${HEAD}content-length: ${body.length}, ${body.length}\r\n\r\n${text}`,
    ),
    'a length beside chunks': bytes(
      `${HEAD}content-length: 7\r\ntransfer-encoding: chunked\r\n\r\n` +
        `${body.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`,
    ),
    'a length beside a transfer coding that is none': bytes(
      `${HEAD}transfer-encoding: identity\r\n${length}\r\n${text}`,
    ),
    'an unasked 100': bytes(`HTTP/1.1 100 Continue\r\n\r\n${HEAD}${length}\r\n${text}`),
    'an unasked 100, in pieces': bytes(
      'HTTP/1.1 100 Con',
      'tinue\r\n\r\nHTTP/1.',
      `1${HEAD.slice(8)}${length}\r\n${text}`,
    ),
    'a head of 20 KB': (response) =>
      void response.writeHead(200, { 'x-policy': 'p'.repeat(20_000) }).end(body),
    'an error that says nothing beside it': json(`{"error":{},${text.slice(1)}`),
    'an error that is null beside it': json(`{"error":null,${text.slice(1)}`),
  };
}

let bombed: Buffer | undefined;

/** 80 MB of blanks in about 80 KB. */
const bomb = (): Buffer => (bombed ??= gzipSync(Buffer.alloc(80 * 1024 * 1024, ' ')));
