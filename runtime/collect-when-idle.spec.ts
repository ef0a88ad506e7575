import { expect } from 'chai';
import { fork } from 'node:child_process';
import { on, once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MB = 1024 * 1024;

describe('collect when idle', () => {
  it('gives memory back once a process that has grown has little to do', async () => {
    const module = fileURLToPath(new URL('./testing/grows-and-rests.ts', import.meta.url));
    const execArgv = ['--import', 'tsx', '--no-memory-reducer', '--expose-gc'];
    const child = fork(module, [], { execArgv });
    try {
      const said: unknown[] = [];
      for await (const [message] of on(child, 'message')) {
        said.push(message);
        if (message === 'collected') break;
      }
      const [{ rss }] = (await once(child, 'message')) as [{ rss: number }];
      const { grown } = said[0] as { grown: number };
      expect(rss).to.be.below(grown - 64 * MB);
    } finally {
      child.kill();
    }
  }).timeout(20_000);
});
