import { expect } from 'chai';
import { writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder, type TemporaryFolder } from '../../testing/folders.js';
import {
  removeEnvironmentFile,
  withEnvironmentFile,
  writeEnvironmentFile,
} from './environment-file.js';

describe('the environment file of a data folder', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(() => folder.remove());

  it('adds what the process does not set, and is for its user alone', async () => {
    await writeEnvironmentFile(folder.dir, { PORT: '8080', DATABASE_URL: 'postgres://a/b' });
    const env = { MODELROUTE_DATA_DIR: folder.dir, PORT: '0' };
    expect(withEnvironmentFile(env)).to.deep.equal({
      ...env,
      DATABASE_URL: 'postgres://a/b',
    });
    expect((await stat(join(folder.dir, 'environment'))).mode & 0o777).to.equal(0o600);
    await removeEnvironmentFile(folder.dir);
    expect(withEnvironmentFile(env)).to.deep.equal(env);
  });

  it('takes nothing from lines that are no variables', () => {
    writeFileSync(join(folder.dir, 'environment'), "# a comment\nA='1'\nB=2\nexport C='3'\n");
    const env = { MODELROUTE_DATA_DIR: folder.dir };
    expect(withEnvironmentFile(env)).to.deep.equal({ ...env, A: '1' });
  });
});
