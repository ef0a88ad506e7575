/** The system also runs on the newest line of Node with long-term support. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { exitOf, startChild } from '../testing/child-process.js';
import { newTenant } from '../testing/client.js';
import { skipOutsideCi } from '../testing/skip.js';
import { accept, imageOf, textOf, whenOver } from './testing/executions.js';
import { startSystem } from '../testing/system.js';

const NEWEST_LTS_MAJOR = 26;
const INSTALL_DEADLINE_MS = 120_000;

describe(`on Node ${NEWEST_LTS_MAJOR}`, function () {
  this.timeout(INSTALL_DEADLINE_MS + 60_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'modelroute-node-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('starts, runs a text and an image model, and stops', async function () {
    const node = await installNode(folder);
    if (node.path === undefined) return skipOutsideCi(this, node.reason);
    const system = await startSystem({ node: node.path });
    const { api } = await newTenant(system);
    for (const body of [textOf('Newest'), imageOf('Newest')]) {
      const { id } = await accept(api, body);
      expect((await whenOver(api, id)).status).to.equal('COMPLETED');
    }
    expect(await system.stop()).to.equal(0);
    const warnings = system.lines().filter((line) => /Warning/.test(line));
    expect(warnings).to.deep.equal([]);
  });
});

/**
 * The program out of the npm package that carries it for this platform. (The package `node` only
 * chooses among those, in an install script, which newer versions of npm do not run unasked.)
 */
async function installNode(
  folder: string,
): Promise<{ path: string; reason?: never } | { path?: never; reason: string }> {
  const { platform, arch } = process;
  const name = platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node';
  const child = startChild({
    command: 'npm',
    args: [
      ...[
        'install',
        '--no-save',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        '--prefer-offline',
      ],
      ...['--prefix', folder, `${name}-${platform}-${arch}@${NEWEST_LTS_MAJOR}`],
    ],
    env: {},
    cwd: folder,
  });
  const { code } = await exitOf(child, INSTALL_DEADLINE_MS);
  if (code === 0)
    return { path: join(folder, 'node_modules', `${name}-${platform}-${arch}`, 'bin', 'node') };
  return { reason: `npm could not bring Node: ${child.lines.slice(-3).join(' ')}` };
}
