import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { StartError } from '../../start-error.js';
import { lockDataDir } from './data-dir-lock.js';
import { identify } from './process.js';

describe('the lock of a data folder', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'modelroute-lock-'));
  });

  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  it('refuses a second holder in one clear sentence, and is free again once released', async () => {
    const lock = await lockDataDir(dataDir);
    const second = await lockDataDir(dataDir).catch((error: unknown) => error);
    expect(second).to.be.instanceOf(StartError);
    expect((second as StartError).message).to.equal(
      `Another ModelRoute process (process ${process.pid}) uses the data folder ${dataDir}: ` +
        'stop it first, or set MODELROUTE_DATA_DIR to another folder.',
    );

    await lock.release();
    await (await lockDataDir(dataDir)).release();
  });

  it('creates the data folder', async () => {
    const inside = join(dataDir, 'new', 'data');
    await lockDataDir(inside);
    expect(await readdir(inside)).to.deep.equal(['process-1.lock']);
  });

  it('is taken over from a process that was killed, and by one contender only', async () => {
    const holder = holdInChild(dataDir);
    await once(holder.stdout, 'data');
    expect(await lockDataDir(dataDir).catch((error: Error) => error.name)).to.equal('StartError');
    holder.kill('SIGKILL');
    await once(holder, 'exit');

    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => lockDataDir(dataDir)),
    );

    expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    expect(await readdir(dataDir)).to.deep.equal(['process-2.lock']);
  });

  it('is not fooled by a pid that another process has now, or by a torn file', async () => {
    const us = await identify(process.pid);
    const before = { ...us, started: 'another boot/1' };
    await writeFile(join(dataDir, 'process-7.lock'), JSON.stringify(before));
    await (await lockDataDir(dataDir)).release();

    await writeFile(join(dataDir, 'process-9.lock'), '');
    await lockDataDir(dataDir);
    expect(await readdir(dataDir)).to.deep.equal(['process-10.lock']);
  });

  it('says so when the data folder cannot be a folder', async () => {
    const file = join(dataDir, 'file');
    await writeFile(file, '');
    const outcome = await lockDataDir(join(file, 'data')).catch((error: unknown) => error);
    expect(outcome).to.be.instanceOf(StartError);
  });
});

function holdInChild(dataDir: string) {
  const module = new URL('./data-dir-lock.ts', import.meta.url).href;
  const script = `
    import { lockDataDir } from ${JSON.stringify(module)};
    await lockDataDir(${JSON.stringify(dataDir)});
    console.log('held');
    setInterval(() => undefined, 60_000);`;
  return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
