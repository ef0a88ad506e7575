/** The whole system with its events in a server of their own, which dies and freezes under it. */
import { expect } from 'chai';
import {
  startEventStoreDouble,
  type EventStoreDouble,
} from '../infra/event-store/testing/double/double.js';
import { newTenant, type Client, type ExecutionBody } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { accept, imageOf, newKey, textOf, whenOver, whenSettled } from './testing/executions.js';
import { temporaryFolder, type TemporaryFolder } from '../testing/folders.js';
import { randomFrom } from '../testing/random.js';
import { startSystem, type System } from '../testing/system.js';
import { followFeed, type FeedFollower } from './storm/feed-followers.js';

describe('the system on an event store over gRPC', function () {
  this.timeout(60_000);
  let folder: TemporaryFolder;
  let double: EventStoreDouble;
  let system: System;
  let api: Client;
  let follower: FeedFollower;
  before(async function () {
    this.timeout(90_000);
    folder = await temporaryFolder();
    double = await startEventStoreDouble({ dir: folder.dir });
    system = await startSystem({ env: { EVENTSTORE_URL: double.url } });
    const tenant = await newTenant(system, '10');
    ({ api } = tenant);
    follower = followFeed(system, tenant, randomFrom('a follower'));
  });
  after(async function () {
    this.timeout(60_000);
    follower?.abandon();
    const code = await system?.stop();
    await double?.close();
    await folder?.remove();
    expect(code).to.equal(0);
  });

  it('accepts, completes and settles', async () => {
    const asked = await Promise.all([textOf('A'), imageOf('B')].map((body) => accept(api, body)));
    for (const { id } of asked) {
      expect((await whenOver(api, id)).status).to.equal('COMPLETED');
      await whenSettled(api, id);
    }
    expect((await double.status()).events).to.be.greaterThan(10);
  });

  it('goes on by itself after its event store was killed, and after it froze', async () => {
    const key = newKey();
    await double.kill();
    expect((await api.submit(textOf('While away'), key)).status).to.equal(503);
    await double.restart();
    const back = await eventually('accepted', async () => {
      const answer = await api.submit(textOf('While away'), key);
      return answer.status === 202 ? answer.body : undefined;
    });
    expect((await whenOver(api, back.id)).status).to.equal('COMPLETED');
    const before = await accept(api, textOf('Under way'));
    double.freeze();
    expect((await api.submit(textOf('While frozen'), newKey())).status).to.equal(503);
    double.thaw();
    for (const { id } of [before, await accept(api, textOf('Thawed'))]) {
      expect((await whenOver(api, id)).status).to.equal('COMPLETED');
      await whenSettled(api, id);
    }
  });

  it('tells its feed, whole and once, to a reader that is killed a hundred times', async () => {
    const executions = await api.all<ExecutionBody>('/executions');
    const shown = new Map(executions.map((one) => [one.id, one]));
    expect(await follower.findings(shown)).to.deep.equal([]);
    expect(follower.kills).to.be.at.least(100);
  });

  it('leaves nothing for the auditor to find', async () => {
    const { code, output } = await system.command('verify');
    expect(code, output).to.equal(0);
  });

  it('does not start without its event store, and says why in one sentence', async () => {
    await double.kill();
    const { code, output } = await system.command('events', 'tail');
    expect(code, output).to.equal(1);
    expect(output).to.match(/The event store of EVENTSTORE_URL does not answer \(/);
    await double.restart();
  });

  it('starts and works as soon with ten million of the server’s events at its end', async () => {
    const restarted = async () => {
      await system.restart();
      const began = performance.now();
      const { id } = await accept(api, textOf('First'));
      expect((await whenOver(api, id)).status).to.equal('COMPLETED');
      return { startMs: system.startedInMs, firstMs: performance.now() - began };
    };
    await system.stop();
    const without = await restarted();
    await system.stop();
    await double.pretendSystemEvents(10_000_000);
    const withThem = await restarted();
    // Going through them takes the server ten seconds, and more for each who does.
    expect(withThem.startMs).to.be.lessThan(without.startMs + 4_000);
    expect(withThem.firstMs).to.be.lessThan(without.firstMs + 4_000);
  });
});
