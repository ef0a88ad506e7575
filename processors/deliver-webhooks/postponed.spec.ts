import { expect } from 'chai';
import { eventually } from '../../testing/eventually.js';
import { openPostponed } from './postponed.js';

describe('what is postponed', () => {
  it('is dealt with once it has waited long enough, and never once it waits no more', async () => {
    const dealt: string[] = [];
    const postponed = openPostponed<string>(50, (work) => dealt.push(work));
    for (const work of ['a', 'b', 'c']) postponed.add(work);
    postponed.delete('b');
    postponed.add('d');
    await eventually('all are dealt with', () => dealt.length === 3);
    expect(dealt).to.deep.equal(['a', 'c', 'd']);
    postponed.add('e');
    await eventually('one that came after a pause, too', () => dealt.at(-1) === 'e');
  });

  it('is dealt with at once when nothing may wait any longer', () => {
    const dealt: string[] = [];
    const postponed = openPostponed<string>(60_000, (work) => dealt.push(work));
    for (const work of ['a', 'b']) postponed.add(work);
    expect(dealt).to.deep.equal([]);
    postponed.flush();
    expect(dealt).to.deep.equal(['a', 'b']);
  });
});
