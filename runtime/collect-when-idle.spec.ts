import { expect } from 'chai';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from '../testing/eventually.js';

const MB = 1024 * 1024;

describe('collect when idle', () => {
  it('gives memory back once a process that has grown has little to do', async () => {
    const module = fileURLToPath(new URL('./testing/grows-and-rests.ts', import.meta.url));
    const execArgv = ['--import', 'tsx', '--no-memory-reducer', '--expose-gc'];
    const child = fork(module, [], { execArgv });
    const rss: number[] = [];
    let collected = 0;
    child.on('message', (said) => {
      if (typeof said === 'number') rss.push(said);
      else collected += 1;
    });
    try {
      const isSmaller = () => (rss.at(-1) ?? 0) < (rss[0] ?? 0) - 64 * MB;
      await eventually('it is smaller', isSmaller, 15_000);
      expect(collected).to.be.at.least(1);
    } finally {
      child.kill();
    }
  }).timeout(20_000);
});
