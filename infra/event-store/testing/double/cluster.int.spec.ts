/** What the real client meets at a cluster of three, whose leaders come and go. */
import { ANY, EventStoreDBClient, NO_STREAM } from '@eventstore/db-client';
import { expect } from 'chai';
import { eventually } from '../../../../testing/eventually.js';
import { temporaryFolder, type TemporaryFolder } from '../../../../testing/folders.js';
import { startEventStoreDouble, type EventStoreDouble } from './double.js';
import { errorOf, newEvent, newStream, revisionsOf } from './support.js';

const BEHAVIOUR = { noticeMs: 200, electionMs: 100, graceMs: 500, giveUpMs: 400 };

describe('event store double: a cluster of three', () => {
  let folder: TemporaryFolder;
  let double: EventStoreDouble;
  const clients: EventStoreDBClient[] = [];

  before(async () => {
    folder = await temporaryFolder();
    double = await startEventStoreDouble({ dir: folder.dir, nodes: 3, behaviour: BEHAVIOUR });
  });
  after(async () => {
    for (const client of clients) await client.dispose();
    await double.close();
    await folder.remove();
  });

  const connected = (url = double.url) => {
    const client = EventStoreDBClient.connectionString(url);
    clients.push(client);
    return client;
  };
  const append = (client: EventStoreDBClient, stream: string) =>
    client.appendToStream(stream, newEvent('Happened'), { expectedRevision: ANY });
  const rolesAre = (...roles: readonly string[]) =>
    eventually(`roles are ${roles.join()}`, async () => {
      const now = await double.status();
      return now.roles.join() === roles.join();
    });
  const only = (number: number) => {
    const hosts = double.url.slice('esdb://'.length, double.url.indexOf('?')).split(',');
    return `esdb://${hosts[number] ?? ''}?tls=false`;
  };

  it('a follower serves and passes appends on, but not to who asks for the leader', async () => {
    await rolesAre('leader', 'follower', 'follower');
    const [follower, stream] = [connected(only(1)), newStream()];
    expect((await append(follower, stream)).nextExpectedRevision).to.equal(0n);
    expect(await revisionsOf(follower, stream)).to.deep.equal([0n]);
    const error = await errorOf(revisionsOf(follower, stream, { requiresLeader: true }));
    expect([error.type, error.leader]).to.deep.equal([
      'not-leader',
      { address: '127.0.0.1', port: double.port },
    ]);
  });

  it('a leader that is killed is followed by another, which has everything', async () => {
    const [client, stream] = [connected(), newStream()];
    await append(client, stream);
    await double.node('kill', 0);
    await rolesAre('gone', 'leader', 'follower');
    await eventually('it goes on', () => append(client, stream).catch(() => undefined));
    expect((await revisionsOf(client, stream)).length).to.be.at.least(2);
    await double.node('start', 0);
    await rolesAre('follower', 'leader', 'follower');
  });

  it('a frozen leader is deposed when it thaws, and what it then takes goes nowhere', async () => {
    const [client, stream] = [connected(only(1)), newStream()];
    await append(client, newStream());
    await double.node('freeze', 1);
    const held = errorOf(
      client.appendToStream(stream, newEvent('Held'), { expectedRevision: NO_STREAM }),
    );
    await eventually('another leads', async () => {
      const { roles } = await double.status();
      return roles[1] === 'frozen' && roles.includes('leader');
    });
    await double.node('thaw', 1);
    expect((await held).type).to.equal('deadline-exceeded');
    const others = connected(only(2));
    expect((await errorOf(revisionsOf(others, stream))).type).to.equal('stream-not-found');
    await eventually('it follows', async () => (await double.status()).roles[1] === 'follower');
  });

  it('a leader that ends politely refuses one by one while another leads', async () => {
    const { roles } = await double.status();
    const leader = roles.indexOf('leader');
    const client = connected(only(leader));
    await append(client, newStream());
    const ended = double.node('end', leader);
    await eventually('it is not ready', async () => {
      const { message } = await append(client, newStream()).then(
        () => new Error('landed'),
        (error: unknown) => error as Error,
      );
      return message.includes('Server Is Not Ready');
    });
    await ended;
    await eventually('another leads', async () => (await double.status()).roles.includes('leader'));
    await double.node('start', leader);
  });

  it('without a majority nobody leads, and what is asked of the leader is not ready', async () => {
    await eventually('all are there', async () => {
      const { roles } = await double.status();
      return roles.filter((role) => role === 'follower').length === 2;
    });
    const { roles } = await double.status();
    const [first, second, last] = [0, 1, 2].sort(
      (a, b) => Number(roles[b] === 'leader') - Number(roles[a] === 'leader'),
    );
    await double.node('kill', first ?? 0);
    await double.node('kill', second ?? 0);
    await eventually(
      'it elects',
      async () => (await double.status()).roles[last ?? 0] === 'electing',
    );
    const client = connected(only(last ?? 0));
    const error = await errorOf(revisionsOf(client, newStream(), { requiresLeader: true }));
    expect(error.type).to.equal('unavailable');
    expect((await errorOf(revisionsOf(client, newStream()))).type).to.equal('stream-not-found');
    expect((await errorOf(append(client, newStream()))).message).to.contain('Server Is Not Ready');
  });
});
