import { expect } from 'chai';
import type { Pool } from 'pg';
import { executionIdOf } from '../../contracts/ids.js';
import { openRequestedBefore } from './requested-before.js';

const id = (key: string) => executionIdOf('org_00000000-0000-4000-8000-000000000000', key);

describe('requested before', () => {
  let [position, nowMs] = [100n, 0];
  let asked: unknown[] = [];
  let failure: Error | undefined;
  const known = [id('known')];
  const query = async ({ values: [ids] }: { values: [readonly string[]] }) => {
    asked.push(ids);
    if (failure) throw failure;
    return { rows: [{ found: ids.filter((one) => known.includes(one as never)), position }] };
  };
  const open = () => openRequestedBefore({ query } as unknown as Pick<Pool, 'query'>, () => nowMs);

  beforeEach(() => {
    [position, nowMs, asked, failure] = [100n, 0, [], undefined];
  });

  it('says of each whether the read model has it, by one question', async () => {
    const { maybe } = open();
    const answers = await Promise.all([maybe(id('known')), maybe(id('new'))]);
    expect(answers).to.deep.equal([true, false]);
    expect(asked).to.deep.equal([[id('known'), id('new')]]);
  });

  it('says maybe while the read model is behind what was appended a second ago', async () => {
    const { maybe, landed } = open();
    landed(101n);
    landed(150n);
    expect(await maybe(id('new'))).to.equal(false);
    nowMs = 1_000;
    expect(await maybe(id('new'))).to.equal(true);
    position = 101n;
    expect(await maybe(id('new'))).to.equal(false);
    landed(170n);
    nowMs = 1_500;
    landed(180n);
    nowMs = 2_000;
    expect(await maybe(id('new'))).to.equal(true);
    position = 170n;
    expect(await maybe(id('new'))).to.equal(false);
  });

  it('says maybe where the read model cannot be reached', async () => {
    failure = Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
    expect(await open().maybe(id('new'))).to.equal(true);
  });
});
