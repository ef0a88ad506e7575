import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { closedLoop, openLoop, type LoadRequest } from './load.js';

describe('load generator', () => {
  let server: Server;
  let url: string;
  let seen: string[];
  let answer: (n: number) => { readonly status: number; readonly afterMs: number };

  beforeEach(async () => {
    seen = [];
    answer = () => ({ status: 200, afterMs: 0 });
    server = createServer((request, response) => {
      const { url: path = '' } = request;
      if (path !== '/healthz') seen.push(path);
      const { status, afterMs } = answer(seen.length);
      setTimeout(() => response.writeHead(status).end('said'), path === '/healthz' ? 0 : afterMs);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const next = (n: number): LoadRequest => ({ method: 'GET', path: `/${n}`, headers: {} });
  const accept = (status: number) => status === 200;

  it('asks for each thing once, and for no more than it was told', async () => {
    const load = { url, clients: 4, seconds: 10, answersMax: 50, next, accept };
    const { answers, perSecond } = await closedLoop(load);
    expect(answers).to.equal(50);
    expect(perSecond).to.be.greaterThan(0);
    const asked = seen.toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
    expect(asked).to.deep.equal(Array.from({ length: 50 }, (_, n) => `/${n}`));
  });

  it('keeps to its time, and counts only what was answered within', async () => {
    answer = () => ({ status: 200, afterMs: 20 });
    const load = { url, clients: 4, seconds: 0.3, next, accept };
    const { answers, perSecond, p50Ms } = await closedLoop(load);
    expect(answers).to.equal(seen.length);
    expect(perSecond * 0.3).to.be.within(1, answers);
    expect(p50Ms).to.be.at.least(19);
  });

  it('ends with the answer that is not as it should be', async () => {
    answer = (n) => ({ status: n === 7 ? 503 : 200, afterMs: 0 });
    const load = { url, clients: 1, seconds: 10, next, accept };
    const failure = await closedLoop(load).then(
      () => undefined,
      (error: Error) => error.message,
    );
    expect(failure).to.equal('GET /6 was answered with 503: said');
  });

  it('counts the wait behind a slow answer as latency in an open loop', async () => {
    answer = (n) => ({ status: 200, afterMs: n === 1 ? 200 : 0 });
    const load = { url, clients: 1, seconds: 0.4, perSecond: 50, next, accept };
    const { answers, p50Ms } = await openLoop(load);
    expect(answers).to.equal(20);
    // Ten were due while the first was waited for; in a closed loop none of them would show it.
    expect(p50Ms).to.be.greaterThan(5);
  });
});
