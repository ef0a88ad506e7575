/** F10: the wall clock of the process jumps by an hour, forward and back, under load. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { behave, callsFor } from '../sandbox/testing/behaviour.js';
import { repositoryRoot } from '../testing/child-process.js';
import { newTenant, type Client } from '../testing/client.js';
import { temporaryFolder, type TemporaryFolder } from '../testing/folders.js';
import { startReceiver } from '../testing/receiver.js';
import { startSystem, type System } from '../testing/system.js';
import { accept, textOf, whenOver, whenSettled } from './testing/executions.js';

const HOUR_MS = 3_600_000;
const PRELOAD = pathToFileURL(join(repositoryRoot, 'testing/shifted-clock.mjs')).href;

describe('a clock that jumps by an hour', function () {
  this.timeout(90_000);
  let folder: TemporaryFolder;
  let system: System;
  let clockFile: string;
  before(async () => {
    folder = await temporaryFolder();
    clockFile = join(folder.dir, 'clock');
    await writeFile(clockFile, '0');
    const env = { NODE_OPTIONS: `--import ${PRELOAD}`, SPEC_CLOCK_FILE: clockFile };
    system = await startSystem({ env });
  });
  after(async () => {
    await system?.stop();
    await folder?.remove();
  });

  const jumpTo = async (aheadMs: number) => {
    await writeFile(clockFile, String(aheadMs));
    system.signal('SIGUSR2');
  };

  /** Work that begins before the jump and ends after it, then work of the new time. */
  async function acrossJump(api: Client, url: string, aheadMs: number): Promise<string[]> {
    await behave(system.sandboxUrl, { aurora: { latency: 800 }, borealis: { latency: 800 } });
    const prompts = ['One', 'Two', 'Three'];
    const submit = async (prompt: string) =>
      (await accept(api, textOf(`${prompt} ${aheadMs}`, { webhook_url: url }))).id;
    const atWork = await Promise.all(prompts.map(submit));
    await jumpTo(aheadMs);
    await behave(system.sandboxUrl, { aurora: { latency: 0 }, borealis: { latency: 0 } });
    const fresh = await Promise.all(prompts.map((prompt) => submit(`New ${prompt}`)));
    for (const id of fresh) {
      const { status, created_at: createdAt } = await whenOver(api, id);
      expect(status, id).to.equal('COMPLETED');
      expect(Date.parse(createdAt) - Date.now()).to.be.closeTo(aheadMs, 60_000);
    }
    await behave(system.sandboxUrl, { aurora: { latency: 9_000 }, borealis: { latency: 9_000 } });
    const { id: late } = await accept(api, textOf('Late', { expires_in: 1 }));
    expect((await whenOver(api, late)).status).to.equal('EXPIRED');
    return [...atWork, ...fresh, late];
  }

  it('ends each execution and hold once, expires in time, and costs no lease', async () => {
    const { api } = await newTenant(system);
    const receiver = await startReceiver();
    const ids: string[] = [];
    for (const aheadMs of [HOUR_MS, 0, -HOUR_MS, 0])
      ids.push(...(await acrossJump(api, receiver.url, aheadMs)));
    for (const id of ids) {
      await whenOver(api, id, 30_000);
      await whenSettled(api, id);
      const paid = (await callsFor(system.sandboxUrl, id)).filter((call) => call.paid);
      expect(paid.filter(({ replayed }) => !replayed).length, id).to.be.at.most(1);
    }
    const lost = system.messages().filter((line) => /lease|another process/i.test(line));
    expect(lost).to.deep.equal([]);
    await jumpTo(0);
    const { code, output } = await system.command('verify', '--settled');
    expect(code, output).to.equal(0);
  });
});
