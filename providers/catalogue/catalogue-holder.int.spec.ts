import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { StartError } from '../../infra/start-error.js';
import { openCatalogue, type CatalogueHolder } from './catalogue-holder.js';

const good = readFileSync(new URL('../../catalogue.yaml', import.meta.url), 'utf8');
const variables = { SANDBOX_URL: 'http://127.0.0.1:9000' };

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`did not happen within 5 s: ${what}`);
    await pause(20);
  }
}

describe('catalogue: the one in force', () => {
  let folder: string;
  let path: string;
  let holder: CatalogueHolder;
  let lines: { level: string; fields: Record<string, unknown> }[];
  const write = (level: string) => (fields: object) =>
    void lines.push({ level, fields: fields as Record<string, unknown> });
  const log = { info: write('info'), error: write('error') };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'catalogue-'));
    path = join(folder, 'catalogue.yaml');
    lines = [];
    writeFileSync(path, good);
    holder = openCatalogue({ path, variables, log });
  });

  afterEach(() => {
    holder.close();
    rmSync(folder, { recursive: true });
  });

  it('takes a good edit, in place or by rename, and tells its listeners', async () => {
    const versions: string[] = [];
    const stop = holder.onChange(({ version }) => void versions.push(version));
    const first = holder.current().version;
    writeFileSync(path, good.replace('FLUX 1.1 pro', 'FLUX'));
    await until('edit in place', () => holder.current().version !== first);
    expect(holder.current().models.get('flux-1.1-pro')?.name).to.equal('FLUX');
    const second = holder.current().version;
    writeFileSync(join(folder, 'new'), good.replace('FLUX 1.1 pro', 'FLUX again'));
    renameSync(join(folder, 'new'), path);
    await until('edit by rename', () => holder.current().version !== second);
    expect(versions).to.deep.equal([second, holder.current().version]);
    expect(lines.map(({ level }) => level)).to.deep.equal(['info', 'info']);
    stop();
    writeFileSync(path, good);
    await until('back again', () => holder.current().version === first);
    expect(versions).to.have.length(2);
  });

  it('keeps the old one over a bad edit or a lost file, says why, and recovers', async () => {
    const before = holder.current();
    writeFileSync(path, good.replace('adapter: openai-images', 'adapter: telnet'));
    await until('bad edit noticed', () => holder.lastProblem() !== undefined);
    expect(holder.lastProblem()).to.match(/^providers\.aurora-images\.adapter: 'telnet' is no/);
    expect(holder.current()).to.equal(before);
    rmSync(path);
    await until('loss noticed', () => holder.lastProblem() === 'the file cannot be read (ENOENT)');
    expect(holder.current()).to.equal(before);
    expect(lines.map(({ level, fields }) => [level, fields['inForce']])).to.deep.equal([
      ['error', before.version],
      ['error', before.version],
    ]);
    writeFileSync(path, good);
    await until('the good file is back', () => holder.lastProblem() === undefined);
    expect(holder.current()).to.equal(before);
  });

  it('does not start with what it cannot use', () => {
    const missing = { path: join(folder, 'none.yaml'), variables, log };
    expect(() => openCatalogue(missing)).to.throw(StartError, /cannot be read \(ENOENT\)/);
    expect(() => openCatalogue({ path, variables: {}, log })).to.throw(
      StartError,
      /the variable SANDBOX_URL is not set/,
    );
  });
});
