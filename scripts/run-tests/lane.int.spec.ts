import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import { repositoryRoot } from '../../testing/child-process.js';
import { compileSources } from './compiled.js';
import { openLane } from './lane.js';

describe('a lane of the runner', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'modelroute-lane-'));
    await compileSources();
  });
  after(() => rm(folder, { recursive: true }));

  const specFile = async (name: string, body: string): Promise<string> => {
    const path = join(folder, name);
    const left = "import { createServer } from 'node:net';\n";
    await writeFile(path, `${left}it('a spec', () => {\n${body}\n});\n`);
    return relative(repositoryRoot, path);
  };

  it('ends after a spec that failed, whatever that left open', async () => {
    const path = await specFile('fails.mjs', "createServer().listen(0); throw new Error('no');");
    const lane = openLane();
    const { outcome } = await lane.run(path);
    expect([outcome.passed, outcome.failures.length]).to.deep.equal([0, 1]);
    expect(outcome.failures[0]).to.contain('Error: no');
    await lane.end();
  });

  it('fails for what a spec left open that passed', async () => {
    const path = await specFile('passes.mjs', 'createServer().listen(0);');
    const lane = openLane(1_000);
    const { outcome } = await lane.run(path);
    expect(outcome).to.deep.equal({ passed: 1, failures: [], skips: [] });
    const error = await lane.end().catch((reason: Error) => reason);
    expect(String(error)).to.contain('the process did not end within 1000 ms');
  });
});
