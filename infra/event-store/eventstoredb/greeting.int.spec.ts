/** What the start says of a server that refuses us, and of one that is too old. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { freePort } from '../../../testing/free-port.js';
import { temporaryFolder, type TemporaryFolder } from '../../../testing/folders.js';
import { skipOutsideCi } from '../../../testing/skip.js';
import { canMakeCertificates, makeCertificate } from '../testing/double/certificate.js';
import { startEventStoreDouble, type EventStoreDouble } from '../testing/double/double.js';
import type { StreamName } from '../../../contracts/streams.js';
import type { EncodedEvent } from '../codec.js';
import { NO_STREAM, StoreUnavailable } from '../port.js';
import { connectLog } from './client.js';
import { openLogEnd } from './log-end.js';
import { createLogReader } from './log-reader.js';
import { parseConnectionString } from './connection-string.js';
import { expectWelcome } from './greeting.js';

const USERS = {
  admin: { password: 'changeit', groups: ['$admins'] },
  ours: { password: 'secret' },
};

const EVENT: EncodedEvent = {
  id: randomUUID(),
  type: 'OrganizationCreated',
  data: '{}',
  metadata: '{}',
};

describe('the start with an event store of EventStoreDB', function () {
  this.timeout(60_000);
  let folder: TemporaryFolder | undefined;
  let double: EventStoreDouble;
  before(async function () {
    if (!(await canMakeCertificates())) return skipOutsideCi(this, 'openssl is not installed');
    folder = await temporaryFolder();
    const certificate = await makeCertificate(folder.dir);
    double = await startEventStoreDouble({
      dir: folder.dir,
      certificate,
      behaviour: { users: USERS },
    });
  });
  after(async () => {
    await double?.close();
    await folder?.remove();
  });

  /** The sentence of the refusal, or what is warned of. */
  async function saidBy(url: string): Promise<string> {
    const client = connectLog(url);
    const warned: string[] = [];
    const log = { warn: (_: object, words: string) => warned.push(words), error: () => undefined };
    try {
      await expectWelcome(client, parseConnectionString(url), log, 1_000);
      return warned.join();
    } catch (error) {
      return (error as Error).message;
    } finally {
      await client.close();
    }
  }
  const as = (credentials: string) => double.url.replace('//', `//${credentials}`);

  it('names a refusal as one, and what to change', async () => {
    expect(await saidBy(as('admin:changeit@'))).to.equal('');
    expect(await saidBy(as('ours:wrong@'))).to.match(/refuses these credentials/);
    expect(await saidBy(as(''))).to.match(/lets nobody in without a user/);
    expect(await saidBy(as('ours:secret@'))).to.match(/^The user ours .* may not read \$all: /);
    const stranger = double.url.replace(/\?.*/, '?tls=true').replace('//', '//admin:changeit@');
    expect(await saidBy(stranger)).to.match(/certificate .* cannot be trusted .*tlsCAFile/);
  });

  it('names an absence as one', async () => {
    const nobody = `127.0.0.1:${await freePort()}`;
    for (const hosts of [nobody, `${nobody},127.0.0.1:1`])
      expect(await saidBy(`esdb://${hosts}?tls=false`)).to.match(
        /^The event store of EVENTSTORE_URL does not answer \(.*\d+:? .*\): check the address/,
      );
  });

  it('names a silence as one, whoever ended the line', async () => {
    double.freeze();
    try {
      expect(await saidBy(as('admin:changeit@'))).to.match(/does not answer \(it is silent\)/);
    } finally {
      double.thaw();
    }
  });

  it('names what is wrong with a certificate of another name', async () => {
    const elsewhere = double.url
      .replace('localhost', '[::ffff:127.0.0.1]')
      .replace('//', '//admin:changeit@');
    expect(await saidBy(elsewhere)).to.match(
      /cannot be trusted .*: call the server by a name that/,
    );
  });

  it('is followed by an outage, and no refusal, while our password is another', async () => {
    const client = connectLog(as('ours:secret@'));
    try {
      const reader = createLogReader(client, openLogEnd(client, 1_000), 1_000);
      const stream: StreamName = 'execution-rights';
      const append = { stream, expectedRevision: NO_STREAM, events: [EVENT] };
      expect(await reader.stream(stream, {})).to.deep.equal([]);
      await double.behave({ users: { ...USERS, ours: { password: 'another' } } });
      const failed = await reader.stream(stream, {}).catch((error: unknown) => error);
      expect(failed).to.be.instanceOf(StoreUnavailable);
      expect((await client.append(append, 300)).kind).to.equal('unknown');
      await double.behave({ users: USERS });
      expect((await client.append(append, 1_000)).kind).to.equal('landed');
      expect(await reader.stream(stream, {})).to.have.length(1);
    } finally {
      await client.close();
    }
  });

  it('names the release to use in place of an older one', async () => {
    for (const [serverVersion, words] of [
      ['22.10.1', /too old/],
      ['23.10.5', /23\.10\.6 or later/],
      ['24.10.2', /24\.10\.5 or later/],
      ['25.0.0', /25\.0\.1 or later/],
      ['24.10.5', /^$/],
      ['25.1.0', /^$/],
      ['23.10.6', /^$/],
    ] as const) {
      await double.behave({ serverVersion });
      expect(await saidBy(as('admin:changeit@')), serverVersion).to.match(words);
    }
  });
});
