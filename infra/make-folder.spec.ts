import { mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { temporaryFolder } from '../testing/folders.js';
import { makeFolder } from './make-folder.js';
import { StartError } from './start-error.js';

describe('making a folder', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  before(async () => {
    folder = await temporaryFolder();
  });
  after(() => folder.remove());

  const refused = (path: string): Promise<NodeJS.ErrnoException | undefined> =>
    makeFolder(path, 0o700).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error,
    );

  it('makes those above it too, and may be repeated', async () => {
    const path = join(folder.dir, 'a/b/c');
    await Promise.all([makeFolder(path, 0o700), makeFolder(path, 0o700)]);
    await makeFolder(path, 0o700);
    expect((await stat(path)).mode & 0o777).to.equal(0o700);
    await makeFolder('/', 0o700);
  });

  it('goes through a link to a folder, and not through a file', async () => {
    const [target, link] = [join(folder.dir, 'target'), join(folder.dir, 'link')];
    const file = join(folder.dir, 'file');
    await mkdir(target);
    await symlink(target, link);
    await writeFile(file, '');
    await makeFolder(join(link, 'below'), 0o700);
    expect((await stat(join(target, 'below'))).isDirectory()).to.equal(true);
    expect((await refused(file))?.code).to.equal('EEXIST');
    expect((await refused(join(file, 'below')))?.code).to.equal('ENOTDIR');
  });

  it('says so where none can be', async () => {
    for (const path of ['/proc/none', '/proc/none/below'])
      expect(await refused(path)).to.be.instanceOf(StartError);
  });
});
