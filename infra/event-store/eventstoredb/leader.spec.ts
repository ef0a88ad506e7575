import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { nameOf, type Endpoint } from './connection-string.js';
import { openLeaderSearch, type Member } from './leader.js';

const node = (port: number): Endpoint => ({ address: 'node.test', port });
const [A, B, C] = [node(1), node(2), node(3)];

/** What nodes say: whom they take for the leader, nothing at all, or that they are not there. */
type Says = Endpoint | 'nobody leads' | 'silent' | 'refused';

function clusterOf(says: Map<number, Says>) {
  const opened: string[] = [];
  const ended: string[] = [];
  const find = openLeaderSearch<Endpoint>({
    seeds: [A, B, C],
    open: (endpoint) => {
      opened.push(nameOf(endpoint));
      return endpoint;
    },
    end: (endpoint) => ended.push(nameOf(endpoint)),
    async gossip({ port }, timeoutMs): Promise<readonly Member[]> {
      const said = says.get(port) ?? 'refused';
      if (said === 'silent') await sleep(timeoutMs);
      if (said === 'silent' || said === 'refused') throw new Error(said);
      return [A, B, C].map((endpoint) => ({ endpoint, isAlive: true, leads: endpoint === said }));
    },
  });
  return { find, opened, ended };
}

describe('the search for the leader', () => {
  it('takes whom the nodes name, when it says so itself', async () => {
    const { find, opened, ended } = clusterOf(new Map([1, 2, 3].map((port) => [port, B])));
    expect(await find()).to.deep.equal({ wire: B, at: B });
    expect(opened.length - ended.length, 'only the line stays open').to.equal(1);
  });

  it('does not wait for a node that is silent', async () => {
    const { find } = clusterOf(
      new Map<number, Says>([
        [1, 'silent'],
        [2, C],
        [3, C],
      ]),
    );
    const from = performance.now();
    expect((await find()).at).to.equal(C);
    expect(performance.now() - from).to.be.lessThan(500);
  });

  it('asks all the nodes that one name leads to, the first of which is silent', async () => {
    const seed = { address: 'all.test', port: 2113 };
    const places = [A, B].map((place) => ({ ...place, name: seed.address }));
    const asked: Endpoint[] = [];
    const find = openLeaderSearch<Endpoint>({
      seeds: [seed],
      resolve: () => Promise.resolve(places),
      open: (endpoint) => {
        asked.push(endpoint);
        return endpoint;
      },
      end: () => undefined,
      async gossip({ port }, timeoutMs): Promise<readonly Member[]> {
        if (port === A.port) await sleep(timeoutMs);
        if (port === A.port) throw new Error('silent');
        return [{ endpoint: B, isAlive: true, leads: true }];
      },
    });
    expect((await find()).at).to.deep.equal(B);
    expect(asked).to.deep.equal([...places, B]);
  });

  it('is not held up by a name server that is silent, or knows nobody', async () => {
    for (const resolve of [
      () => sleep(60_000, [], { ref: false }),
      () => Promise.reject(new Error('ENOTFOUND')),
    ]) {
      const find = openLeaderSearch<Endpoint>({
        seeds: [B],
        resolve,
        open: (endpoint) => endpoint,
        end: () => undefined,
        gossip: () => Promise.resolve([{ endpoint: B, isAlive: true, leads: true }]),
      });
      const from = performance.now();
      expect((await find()).at).to.equal(B);
      expect(performance.now() - from).to.be.lessThan(1_000);
    }
  });

  it('takes nobody whom others only remember as the leader', async () => {
    for (const gone of ['silent', 'refused'] as const) {
      const { find } = clusterOf(
        new Map<number, Says>([
          [1, gone],
          [2, A],
          [3, A],
        ]),
      );
      const [settled] = await Promise.allSettled([find()]);
      expect(String((settled as PromiseRejectedResult).reason)).to.equal(
        `Error: node.test:1: ${gone}`,
      );
    }
  });

  it('takes the word of most, not of one that was deposed', async () => {
    const { find } = clusterOf(
      new Map([
        [1, A],
        [2, B],
        [3, B],
      ]),
    );
    expect((await find()).at).to.equal(B);
  });

  it('asks first whom a node named', async () => {
    const { find, opened } = clusterOf(new Map([[3, C]]));
    expect((await find(C)).at).to.equal(C);
    expect(opened).to.deep.equal([nameOf(C)]);
  });

  it('says why there is none', async () => {
    const says = new Map<number, Says>([1, 2, 3].map((port) => [port, 'nobody leads']));
    const { find } = clusterOf(says);
    const reasonOf = async () =>
      String(((await Promise.allSettled([find()]))[0] as PromiseRejectedResult).reason);
    expect(await reasonOf()).to.contain('no leader of the event store answers (none is elected)');
    says.clear();
    expect(await reasonOf()).to.contain('node.test:1: refused; node.test:2: refused');
  });
});
