/** A catalogue version is in force where executions are accepted once its prices are in the log. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { watch } from '../command-handling/testing/kit.js';
import { streamOf } from '../contracts/streams.js';
import { configFrom } from '../infra/config/config.js';
import { StoreUnavailable } from '../infra/event-store/port.js';
import { openMemoryEventStore } from '../infra/event-store/testing/memory.js';
import { repositoryRoot } from '../testing/child-process.js';
import { eventually } from '../testing/eventually.js';
import { temporaryFolder } from '../testing/folders.js';
import { openPricedCatalogue } from './open-catalogue.js';

describe('a priced catalogue', function () {
  this.timeout(60_000);

  async function opened(roles: string) {
    const folder = await temporaryFolder();
    const path = join(folder.dir, 'catalogue.yaml');
    const text = await readFile(join(repositoryRoot, 'catalogue.yaml'), 'utf8');
    await writeFile(path, text);
    const store = watch(openMemoryEventStore());
    const config = configFrom({ MODELROUTE_CATALOGUE: path, MODELROUTE_ROLES: roles });
    const log = pino({ level: 'silent' });
    const sandboxUrl = 'http://127.0.0.1:1';
    const { catalogue } = await openPricedCatalogue({ config, store, sandboxUrl, log });
    return {
      store,
      catalogue,
      published: (version: string) => store.readStream(streamOf('catalogue', version)),
      edit: () => writeFile(path, `${text}\n# edited\n`),
      close: async () => {
        catalogue.close();
        await folder.remove();
      },
    };
  }

  it('is published before it is in force, and stays the old one while it cannot be', async () => {
    const { store, catalogue, published, edit, close } = await opened('command-api');
    const first = catalogue.current().version;
    expect(await published(first)).to.have.length(1);
    let refused = 0;
    store.before = () => {
      refused += 1;
      return Promise.reject(new StoreUnavailable('away'));
    };
    const changed: string[] = [];
    catalogue.onChange(({ version }) => changed.push(version));
    await edit();
    await eventually('it is tried again', () => Promise.resolve(refused > 2));
    expect([catalogue.current().version, changed]).to.deep.equal([first, []]);
    store.before = () => Promise.resolve();
    await eventually('it is in force', () => Promise.resolve(changed.length > 0));
    const { version } = catalogue.current();
    expect(changed).to.deep.equal([version]);
    expect(version).not.to.equal(first);
    expect(await published(version)).to.have.length(1);
    await close();
  });

  it('is left to others by a process that accepts nothing', async () => {
    const { store, catalogue, close } = await opened('processors,query-api');
    expect(catalogue.current().models.size).to.be.above(0);
    expect(store.appends).to.deep.equal([]);
    await close();
  });
});
