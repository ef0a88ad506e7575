/** Calls over a connection, to a server of HTTP/2 that does what it is told. */
import { once } from 'node:events';
import {
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { expect } from 'chai';
import { eventually } from '../../../testing/eventually.js';
import type { CallError } from './call-error.js';
import { framed } from './message-frames.js';
import { openWire, type Wire } from './wire.js';

const OPTIONS = {
  tls: undefined,
  headers: { 'connection-name': 'spec' },
  keepAliveMs: 50,
  keepAliveTimeoutMs: 100,
};

interface Heard {
  readonly messages: string[];
  readonly error: CallError | undefined;
}

const endOf = (wire: Wire): Promise<CallError | undefined> =>
  new Promise((ended) => {
    wire.call('/a', { decode: String, message: () => undefined, ended });
  });

describe('a connection to a node of the event store', () => {
  let server: Http2Server;
  let port: number;
  let wire: Wire;
  let sessions: ServerHttp2Session[] = [];
  let serve: (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void;
  beforeEach(async () => {
    sessions = [];
    server = createServer();
    server.on('session', (session) => sessions.push(session));
    server.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      serve(stream, headers);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
    wire = openWire({ address: '127.0.0.1', port }, OPTIONS);
  });
  afterEach(async () => {
    await wire.end();
    // One that says it ends does not end connections by itself.
    for (const session of sessions) session.destroy();
    server.close();
  });

  const begin = (stream: ServerHttp2Stream, trailers: Record<string, string>) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  };
  const ask = (path = '/a'): Promise<Heard> =>
    new Promise((resolve) => {
      const messages: string[] = [];
      const call = wire.call(path, {
        decode: (message) => message.toString(),
        message: (text) => void messages.push(text),
        ended: (error) => resolve({ messages, error }),
      });
      call.write(Buffer.from('question'));
      call.end();
    });

  const failure = async () => {
    const { error } = await ask();
    return error && [error.code, error.message];
  };

  it('brings messages however they are cut, and says what a call says of itself', async () => {
    const long = 'x'.repeat(300_000);
    let told: Record<string, unknown> = {};
    serve = (stream, headers) => {
      told = headers;
      begin(stream, { 'grpc-status': '0' });
      const all = Buffer.concat(['one', '', long].map((text) => framed(Buffer.from(text))));
      const cuts = [0, 1, 4, 7, 9, 14, 100, all.length];
      cuts.forEach((at, n) => n > 0 && stream.write(all.subarray(cuts[n - 1], at)));
      stream.end();
    };
    expect(await ask('/path')).to.deep.equal({ messages: ['one', '', long], error: undefined });
    expect(told).to.include({
      ':method': 'POST',
      ':authority': `127.0.0.1:${port}`,
      ':path': '/path',
      'content-type': 'application/grpc',
      te: 'trailers',
      'connection-name': 'spec',
    });
  });

  it('ends a call with the status that the server names, and what it tells beside it', async () => {
    serve = (stream) => {
      begin(stream, { 'grpc-status': '5', 'grpc-message': 'not%20here', exception: 'why' });
      stream.end();
    };
    const { error } = await ask();
    expect([error?.code, error?.message]).to.deep.equal(['NOT_FOUND', '5 NOT_FOUND: not here']);
    expect(error?.told['exception']).to.equal('why');
    serve = (stream) =>
      stream.respond({ ':status': 200, 'grpc-status': '16' }, { endStream: true });
    expect(await failure()).to.deep.equal(['UNAUTHENTICATED', '16 UNAUTHENTICATED: ']);
  });

  it('ends a call that was ended without a status', async () => {
    serve = (stream) => {
      begin(stream, {});
      stream.end();
    };
    expect((await failure())?.[0]).to.equal('INTERNAL');
    serve = (stream) => stream.close(7);
    expect(await failure()).to.deep.equal([
      'UNAVAILABLE',
      '14 UNAVAILABLE: the server is too busy for it (HTTP/2 code 7)',
    ]);
    serve = (stream) => {
      stream.respond({ ':status': 502 });
      stream.end('<html>');
    };
    expect((await failure())?.[0]).to.equal('UNAVAILABLE');
    serve = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write(Buffer.from([1, 0, 0, 0, 0]));
    };
    expect((await failure())?.[1]).to.match(/^13 INTERNAL: a message came compressed/);
  });

  it('connects again where the connection was lost, or the server ends', async () => {
    serve = (stream) => stream.session?.destroy();
    expect((await failure())?.[0]).to.equal('UNAVAILABLE');
    const answer = (stream: ServerHttp2Stream) => {
      begin(stream, { 'grpc-status': '0' });
      stream.end();
    };
    serve = (stream) => {
      stream.session?.goaway();
      answer(stream);
    };
    expect(await failure()).to.equal(undefined);
    serve = answer;
    expect(await failure()).to.equal(undefined);
    expect(sessions).to.have.length(3);
  });

  it('is lost when a ping is not answered', async () => {
    const silent = createTcpServer((socket) => void socket.resume());
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const at = silent.address() as AddressInfo;
    const lost = openWire(at, OPTIONS);
    const error = await endOf(lost);
    expect(error?.message).to.equal('14 UNAVAILABLE: the connection did not answer a ping');
    await lost.end();
    silent.close();
  });

  it('that the server closes says with which code', async () => {
    serve = (stream) => stream.session?.goaway(11);
    const reason = 'the server closed the connection (HTTP/2 code 11)';
    expect(await failure()).to.deep.equal(['UNAVAILABLE', `14 UNAVAILABLE: ${reason}`]);
  });

  it('ends where a server that takes no more calls says nothing more', async () => {
    let heard = Buffer.alloc(0);
    const silent = createTcpServer({ allowHalfOpen: true }, (socket) => {
      socket.on('data', (chunk) => (heard = Buffer.concat([heard, chunk])));
      const settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
      const goAway = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0];
      socket.write(Buffer.from([...settings, ...goAway]));
    });
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const at = silent.address() as AddressInfo;
    const closing = openWire(at, { ...OPTIONS, keepAliveMs: undefined });
    const asked = endOf(closing);
    const [socket] = (await once(silent, 'connection')) as [Socket];
    const settingsHeard = Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]);
    await eventually('it has read both', () => heard.includes(settingsHeard));
    await closing.end();
    expect((await asked)?.code).to.equal('CANCELLED');
    socket.destroy();
    silent.close();
  });

  it('says why nobody is there', async () => {
    const nowhere = openWire({ address: '127.0.0.1', port: 1 }, OPTIONS);
    const error = await endOf(nowhere);
    expect(error?.message).to.match(/^14 UNAVAILABLE: .*ECONNREFUSED/);
    await nowhere.end();
  });

  it('that is ended ends its calls as cancelled', async () => {
    serve = () => undefined;
    const asked = failure();
    const ended = wire.end();
    expect((await asked)?.[0]).to.equal('CANCELLED');
    await ended;
  });
});
