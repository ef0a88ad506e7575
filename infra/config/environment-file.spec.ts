import { expect } from 'chai';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder, type TemporaryFolder } from '../../testing/folders.js';
import { withEnvironmentFile } from './environment-file.js';

describe('the environment file of a data folder', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(() => folder.remove());

  it('adds what the process does not set', () => {
    const env = { MODELROUTE_DATA_DIR: folder.dir, PORT: '0' };
    expect(withEnvironmentFile(env)).to.deep.equal(env);
    const file = join(folder.dir, 'environment');
    writeFileSync(file, "PORT='8080'\nDATABASE_URL='postgres://a/b'\n");
    expect(withEnvironmentFile(env)).to.deep.equal({ ...env, DATABASE_URL: 'postgres://a/b' });
  });

  it('takes nothing from lines that are no variables', () => {
    writeFileSync(join(folder.dir, 'environment'), "# a comment\nA='1'\nB=2\nexport C='3'\n");
    const env = { MODELROUTE_DATA_DIR: folder.dir };
    expect(withEnvironmentFile(env)).to.deep.equal({ ...env, A: '1' });
  });
});
