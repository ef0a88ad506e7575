import { expect } from 'chai';
import { openSystemLookup, type ResolvedAddress } from './system-lookup.js';

const ANSWER_MS = 200;
const here: readonly ResolvedAddress[] = [{ address: '10.0.0.1', family: 4 }];

describe('system lookup', () => {
  const asked: string[] = [];
  const answers = new Map<string, (found: readonly ResolvedAddress[] | Error) => void>();
  const ask = (hostname: string) =>
    new Promise<readonly ResolvedAddress[]>((resolve, reject) => {
      asked.push(hostname);
      answers.set(hostname, (found) => (found instanceof Error ? reject(found) : resolve(found)));
    });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const codeOf = (answer: Promise<unknown>) =>
    answer.then(
      () => 'found',
      (error: NodeJS.ErrnoException) => error.code,
    );
  beforeEach(() => {
    asked.splice(0);
    answers.clear();
  });

  it('asks for one name at a time, in order, and once for the same name', async () => {
    const find = openSystemLookup(ask, ANSWER_MS);
    const found = ['a', 'b', 'a', 'b'].map((hostname) => find(hostname));
    await settled();
    expect(asked).to.deep.equal(['a']);
    answers.get('a')?.(here);
    await settled();
    expect(asked).to.deep.equal(['a', 'b']);
    answers.get('b')?.(here);
    expect(await Promise.all(found)).to.deep.equal([here, here, here, here]);
  });

  it('ends in time when the system is silent, and asks for nothing in vain', async () => {
    const find = openSystemLookup(ask, ANSWER_MS);
    const names = ['silent', ...Array.from({ length: 64 }, (_, n) => `hanging-${n}`)];
    const startedAtMs = performance.now();
    const codes = await Promise.all(names.map((hostname) => codeOf(find(hostname))));
    expect(new Set(codes)).to.deep.equal(new Set(['EAI_AGAIN']));
    expect(performance.now() - startedAtMs).to.be.below(10 * ANSWER_MS);
    expect(asked, 'one thread is occupied').to.deep.equal(['silent']);
    const late = find('late');
    answers.get('silent')?.(here);
    await settled();
    expect(asked).to.deep.equal(['silent', 'late']);
    answers.get('late')?.(here);
    expect(await late).to.deep.equal(here);
  });

  it('does not ask again for what has just failed', async () => {
    const find = openSystemLookup(ask, ANSWER_MS);
    const unknown = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    const first = codeOf(find('nobody'));
    await settled();
    answers.get('nobody')?.(unknown);
    expect(await first).to.equal('ENOTFOUND');
    expect(await codeOf(find('nobody'))).to.equal('EAI_AGAIN');
    expect(asked).to.deep.equal(['nobody']);
  });

  it('asks again for what was found, at once and later', async () => {
    const find = openSystemLookup(ask, ANSWER_MS);
    const find1 = find('a');
    answers.get('a')?.(here);
    expect(await find1).to.deep.equal(here);
    const silent = codeOf(find('silent'));
    expect(await silent, 'longer than the deadline of the first').to.equal('EAI_AGAIN');
    answers.get('silent')?.(here);
    await settled();
    const again = find('a');
    answers.get('a')?.(here);
    expect(await again).to.deep.equal(here);
  });

  it('takes in only so many', async () => {
    const find = openSystemLookup(ask, ANSWER_MS);
    const codes = Array.from({ length: 300 }, (_, n) => codeOf(find(`name-${n}`)));
    expect(await codes[299]).to.equal('EAI_AGAIN');
    expect(asked).to.deep.equal(['name-0']);
    await Promise.all(codes);
  });
});
