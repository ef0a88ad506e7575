import { expect } from 'chai';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCredentials } from './credentials.js';

describe('credentials of providers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'credentials-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'key');
  const environment = new Map([
    ['GOOD', ' sk-1\n'],
    ['BROKEN', 'a\x01b'],
  ]);
  const of = openCredentials((name) => environment.get(name));

  it('come from a variable, and are named where they are missing', () => {
    expect(of({})).to.equal(undefined);
    expect(of({ credentialEnv: 'GOOD' })).to.equal('sk-1');
    const missing = { missing: 'the variable NONE is not set' };
    expect(of({ credentialEnv: 'NONE' })).to.deep.equal(missing);
    expect(of({ credentialEnv: 'BROKEN' })).to.have.keys('missing');
  });

  it('come from a file, as it is by now, and outlive its replacement', async () => {
    const now = () => of({ credentialFile: file });
    const becomes = async (wanted: string) => {
      const deadline = performance.now() + 4_000;
      while (now() !== wanted) {
        if (performance.now() > deadline) expect.fail(`it is still ${JSON.stringify(now())}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    expect(now()).to.deep.equal({ missing: `the file ${file} holds no credential` });
    writeFileSync(file, 'first\nrest\n');
    await becomes('first');
    rmSync(file);
    writeFileSync(`${file}.new`, 'second\n');
    expect(now()).to.equal('first');
    renameSync(`${file}.new`, file);
    await becomes('second');
  });
});
