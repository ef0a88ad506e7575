/** The first minute: an empty folder, one command, a picture on disk; then the same again. */
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../testing/eventually.js';
import { freePort } from '../testing/free-port.js';
import { systemInSuite } from '../testing/system-in-suite.js';
import { firstMinute } from './testing/first-minute.js';

describe('starting for the first time', function () {
  this.timeout(60_000);
  let hadCredentials: Promise<boolean> | undefined;
  const system = systemInSuite(async () => {
    const port = String(await freePort());
    const dataDir = await mkdtemp(join(tmpdir(), 'modelroute-first-'));
    const onLine = () => void (hadCredentials ??= credentialsOnceReady(port, dataDir));
    return { env: { MODELROUTE_DEMO: '1', PORT: port }, dataDir, onLine };
  });

  it('is ready no earlier than its credentials', async () => {
    expect(await hadCredentials).to.equal(true);
  });

  firstMinute(system, 10_000);
});

/** Whether they are there when `/readyz` says 200 for the first time. */
async function credentialsOnceReady(port: string, dataDir: string): Promise<boolean> {
  const isReady = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    return answer?.status === 200;
  };
  await eventually('readiness', isReady, 50_000);
  return existsSync(join(dataDir, 'dev-credentials.json'));
}
