/** What the real client meets at a double with users, over TLS. */
import { EventStoreDBClient } from '@eventstore/db-client';
import { expect } from 'chai';
import { temporaryFolder, type TemporaryFolder } from '../../../../testing/folders.js';
import { skipOutsideCi } from '../../../../testing/skip.js';
import { canMakeCertificates, makeCertificate } from './certificate.js';
import { startEventStoreDouble, type EventStoreDouble } from './double.js';
import { errorOf, newEvent, newStream, readAllOf, revisionsOf } from './support.js';

const USERS = {
  admin: { password: 'changeit', groups: ['$admins'] },
  ours: { password: 'secret' },
};

describe('event store double: users', () => {
  let folder: TemporaryFolder | undefined;
  let double: EventStoreDouble;
  const clients: EventStoreDBClient[] = [];

  before(async function () {
    if (!(await canMakeCertificates())) return skipOutsideCi(this, 'openssl is not installed');
    folder = await temporaryFolder();
    const certificate = await makeCertificate(folder.dir);
    const behaviour = { users: USERS };
    double = await startEventStoreDouble({ dir: folder.dir, certificate, behaviour });
  });
  after(async () => {
    for (const client of clients) await client.dispose();
    await double?.close();
    await folder?.remove();
  });

  const as = (credentials: string) => {
    const client = EventStoreDBClient.connectionString(
      double.url.replace('//', `//${credentials}`),
    );
    clients.push(client);
    return client;
  };
  const said = async (work: Promise<unknown>) => {
    const { type, code } = await errorOf(work);
    return [type, code];
  };
  const readLog = (client: EventStoreDBClient) => readAllOf(client.readAll({ maxCount: 1 }));

  it('a wrong password is refused as unauthenticated, whatever is asked', async () => {
    const client = as('ours:wrong@');
    expect((await said(readLog(client)))[1]).to.equal(16);
    expect((await said(revisionsOf(client, newStream())))[1]).to.equal(16);
    expect((await said(client.appendToStream(newStream(), newEvent('A'))))[1]).to.equal(16);
  });

  it('without credentials everything is denied', async () => {
    const client = as('');
    expect(await said(readLog(client))).to.deep.equal(['access-denied', 7]);
    expect((await said(client.appendToStream(newStream(), newEvent('A'))))[0]).to.equal(
      'access-denied',
    );
  });

  it('an ordinary user has streams, but not $all before its access list says so', async () => {
    const [stream, user, admin] = [newStream(), as('ours:secret@'), as('admin:changeit@')];
    await user.appendToStream(stream, newEvent('A'));
    expect(await revisionsOf(user, stream)).to.deep.equal([0n]);
    expect(await said(readLog(user))).to.deep.equal(['access-denied', 7]);
    expect((await said(user.appendToStream('$other', newEvent('A'))))[0]).to.equal('access-denied');
    expect(await readLog(admin)).to.have.length(1);
    await admin.setStreamMetadata('$all', { acl: { readRoles: ['ours', '$admins'] } });
    expect(await readLog(user)).to.have.length(1);
  });

  it('more than a hundred calls wait for one another on a connection', async () => {
    const client = as('admin:changeit@');
    const streams = Array.from({ length: 150 }, newStream);
    const settled = await Promise.all(
      streams.map((stream) => errorOf(revisionsOf(client, stream))),
    );
    expect(new Set(settled.map(({ type }) => type))).to.deep.equal(new Set(['stream-not-found']));
  });
});
