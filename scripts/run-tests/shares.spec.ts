import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { repositoryRoot } from '../../testing/child-process.js';
import { openShares, type Taken } from './shares.js';
import { LONG_MS, type Kind, type SpecFile } from './spec-files.js';

describe('what a lane of the runner takes next', () => {
  const file = (path: string, kind: Kind): SpecFile => ({ path, kind, lastMs: 1 });
  const taken = (one: Taken | undefined): Taken => {
    if (!one) throw new Error('nothing is left');
    return one;
  };
  /** What has been answered by now. */
  const watch = (asked: Promise<Taken | undefined>) => {
    const seen: { answer?: Taken | 'nothing is left' } = {};
    void asked.then((answer) => (seen.answer = answer ?? 'nothing is left'));
    return seen;
  };

  it('is the first of its kinds, each once', async () => {
    const { take } = openShares([file('a', 'system'), file('b', 'store'), file('c', 'pure')], 4);
    expect((await take(['store', 'pure']))?.path).to.equal('b');
    expect((await take(['system']))?.path).to.equal('a');
    expect((await take(['store', 'pure']))?.path).to.equal('c');
    expect(await take(['store', 'pure', 'system'])).to.equal(undefined);
  });

  it('waits for room, and takes what fits meanwhile', async () => {
    const { take } = openShares([file('a', 'store'), file('b', 'cluster'), file('c', 'pure')], 3);
    const first = taken(await take(['store']));
    const waiting = watch(take(['cluster']));
    const second = taken(await take(['cluster', 'pure']));
    expect(second.path).to.equal('c');
    first.giveBack();
    await turn();
    expect(waiting.answer).to.equal(undefined);
    second.giveBack();
    await turn();
    expect(waiting.answer).to.include({ path: 'b' });
  });

  it('is nothing when another lane took the last while it waited', async () => {
    const { take } = openShares([file('a', 'store'), file('b', 'store')], 1);
    const first = taken(await take(['store']));
    const [one, other] = [watch(take(['store'])), watch(take(['store']))];
    first.giveBack();
    await turn();
    expect(one.answer).to.include({ path: 'b' });
    expect(other.answer).to.equal('nothing is left');
  });

  it('knows the long ones by names that are there', () => {
    const gone = Object.keys(LONG_MS).filter((path) => !existsSync(join(repositoryRoot, path)));
    expect(gone).to.deep.equal([]);
  });
});
