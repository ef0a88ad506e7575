/** A kept connection that its owner closes: whether a call meets it, and is made twice. */
import { expect } from 'chai';
import { createServer, type Socket } from 'node:net';
import { openConnections } from './connections.js';
import { trustedConnector } from './connector.js';
import { collect } from './collect.js';
import type { Ended } from './ended.js';
import { specKit, until } from './testing/kit.js';

describe('kept connections', () => {
  const { listen } = specKit();
  const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

  /** Each request that was read whole is counted, then `react` has the socket. */
  const serving = async (react: (socket: Socket, request: number) => void, isDeafAfter = false) => {
    let read = 0;
    const server = createServer((socket) => {
      socket.on('data', () => {
        react(socket, ++read);
        if (isDeafAfter) socket.pause();
      });
    });
    const place = await listen(server);
    const connections = openConnections(1, { connect: trustedConnector(1_000), pipelining: 1 });
    const call = (body: string | null = 'x'): Promise<Ended> =>
      collect(
        connections.to(place.url.slice(0, -1)),
        { method: 'POST', path: '/', headers: {}, body, timeoutMs: 2_000, signal: undefined },
        { bytesMax: 100 },
      );
    return { call, place, connections, read: () => read };
  };

  const wellOf = (ends: readonly Ended[]) =>
    ends.filter((one) => one.kind === 'answered' && one.status === 200).length;

  for (const [how, isDeaf] of [
    ['it stops reading first', true],
    ['it reads until it closes', false],
  ] as const)
    it(`loses nothing where each is closed a little after its answer: ${how}`, async () => {
      const { call, connections, read } = await serving((socket) => {
        socket.write(answer);
        setTimeout(() => socket.destroy(), 5);
      }, isDeaf);
      const ends: Ended[] = [];
      for (let i = 0; i < 60; i++) {
        ends.push(await call());
        await new Promise((resolve) => setTimeout(resolve, i % 10));
      }
      expect([wellOf(ends), read()]).to.deep.equal([60, 60]);
      await connections.close();
    });

  /** Until the server has shown that it keeps what rests. */
  const trusted = async (call: () => Promise<Ended>) => {
    await call();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await call();
  };

  it('asks again, once and elsewhere, what a kept connection has not taken', async () => {
    const { call, place, connections, read } = await serving((socket, request) => {
      if (request === 3) socket.resetAndDestroy();
      else socket.write(answer);
    });
    await trusted(call);
    expect(place.connections).to.equal(2);
    expect(wellOf([await call()])).to.equal(1);
    expect(read()).to.equal(4);
    expect(place.connections).to.equal(3);
    await connections.close();
  });

  it('does not ask again where a fresh connection is reset, or a kept one ends', async () => {
    const reset = await serving((socket) => socket.resetAndDestroy());
    expect(await reset.call()).to.include({ kind: 'failed', mayHaveStarted: true });
    expect(reset.read()).to.equal(1);
    const ending = await serving((socket, request) => {
      if (request === 3) socket.end();
      else socket.write(answer);
    });
    await trusted(ending.call);
    expect(await ending.call()).to.include({ kind: 'failed', mayHaveStarted: true });
    expect(ending.read()).to.equal(3);
    await Promise.all([reset.connections.close(), ending.connections.close()]);
  });

  it('does not ask again what was worked on, or once a byte of the answer has come', async () => {
    for (const [first, afterMs] of [
      ['', 150],
      ['HTTP/1.1 200 OK\r\n', 20],
    ] as const) {
      const late = await serving((socket, request) => {
        if (request < 3) return void socket.write(answer);
        socket.write(first);
        setTimeout(() => socket.resetAndDestroy(), afterMs);
      });
      await trusted(late.call);
      expect(await late.call()).to.include({ kind: 'failed', mayHaveStarted: true });
      expect(late.read()).to.equal(3);
      await late.connections.close();
    }
  });

  it('knows that a request cannot have been read that was not sent whole', async () => {
    const { call, connections } = await serving((socket) => {
      socket.pause();
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
    const large = 'x'.repeat(20_000_000);
    expect(await call(large)).to.include({ kind: 'failed', mayHaveStarted: false });
    await connections.close();
  });

  it('never uses one for longer than its server grants', async () => {
    for (const header of ['connection: close', 'keep-alive: timeout=1']) {
      const { call, place, connections } = await serving((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${header}\r\ncontent-length: 2\r\n\r\nok`);
      });
      await call();
      await call();
      expect(place.connections, header).to.equal(2);
      await connections.close();
    }
  });

  it('finishes what was asked for when it is retired, and keeps nothing', async () => {
    const { call, place, connections } = await serving((socket) => {
      setTimeout(() => socket.write(answer), 30);
    });
    const ends = [call(), call()];
    connections.retire();
    expect(wellOf(await Promise.all(ends))).to.equal(2);
    await until(() => place.open.size === 0);
    expect(connections.isInUse()).to.equal(false);
  });
});
