import { expect } from 'chai';
import { pino } from 'pino';
import type { Account, Provider } from '../../contracts/catalogue/catalogue.js';
import type { LimitShares } from '../../infra/limit-shares/port.js';
import { openMemoryLimitShares } from '../../infra/limit-shares/testing/memory.js';
import { openAccountLimits, tokensOf } from './account-limits.js';

const log = pino({ level: 'silent' });

const providerWith = (...accounts: readonly Account[]) =>
  ({ slug: 'aurora', accounts }) as Provider;
const limited = providerWith({ name: 'only', requestsPerMinute: 120 });

/** Limits of so many processes, and a clock that only the spec moves. */
function replicas(count: number, shares?: LimitShares) {
  const clock = { ms: 0 };
  const now = () => clock.ms;
  const kept = shares ?? openMemoryLimitShares(now);
  const all = Array.from({ length: count }, (_, n) =>
    openAccountLimits({ shares: kept, instance: `process-${n}`, log, now }),
  );
  return { clock, all };
}

describe('limits of provider accounts', () => {
  it('are shared: N processes call at most limit × 1.1 + N times in any minute', async () => {
    const { clock, all } = replicas(3);
    const calls: number[] = [];
    for (; clock.ms < 180_000; clock.ms += 100) {
      // One of them is idle for a minute, and one does little.
      for (const [index, limits] of all.entries()) {
        if (index === 2 && clock.ms > 60_000 && clock.ms < 120_000) continue;
        while (limits.hasRoom(limited, 1)) {
          if (index === 1 && clock.ms % 2_000 !== 0) break;
          limits.take(limited, 1)?.end();
          calls.push(clock.ms);
          if (index === 1) break;
        }
      }
      if (clock.ms % 1_000 === 0) await Promise.all(all.map((limits) => limits.renew()));
    }
    for (const from of calls) {
      const within = calls.filter((at) => at >= from && at < from + 60_000);
      expect(within.length).to.be.at.most(120 * 1.1 + 3);
    }
    const later = calls.filter((at) => at >= 60_000 && at < 120_000);
    expect(later.length, 'what an idle one leaves is used').to.be.above(95);
  });

  it('have no room before the first share, which is asked for at once', async () => {
    const { all } = replicas(1);
    const [limits] = all;
    const heard: string[] = [];
    limits?.onRoom((provider) => heard.push(provider));
    expect(limits?.hasRoom(limited, 1)).to.equal(false);
    await limits?.renew();
    expect(heard).to.deep.equal(['aurora']);
    expect(limits?.hasRoom(limited, 1)).to.equal(true);
  });

  it('count tokens as they are estimated, and then as they were used', async () => {
    const { all, clock } = replicas(1);
    const [limits] = all;
    const provider = providerWith({ name: 'only', tokensPerMinute: 6_000 });
    limits?.hasRoom(provider, 1);
    await limits?.renew();
    const permit = limits?.take(provider, 3_000);
    expect(limits?.hasRoom(provider, 100)).to.equal(false);
    permit?.end(100);
    expect(limits?.hasRoom(provider, 200)).to.equal(true);
    limits?.take(provider, 300)?.end(1_200);
    clock.ms += 5_000;
    expect(limits?.hasRoom(provider, 100)).to.equal(false);
    clock.ms += 6_000;
    expect(limits?.hasRoom(provider, 100)).to.equal(true);
    expect(tokensOf({ inputTokens: 401, outputTokens: 7 })).to.equal(108);
  });

  it('go to the account with more left, past one that rests, or to the named one', async () => {
    const { all, clock } = replicas(1);
    const [limits] = all;
    const provider = providerWith(
      { name: 'small', requestsPerMinute: 60 },
      { name: 'large', requestsPerMinute: 600 },
      { name: 'open' },
    );
    limits?.hasRoom(provider, 1);
    await limits?.renew();
    const first = limits?.take(provider, 1);
    const taken = () => limits?.take(provider, 1)?.account;
    expect([first?.account, taken()]).to.deep.equal(['small', 'large']);
    expect([taken(), taken()]).to.deep.equal(['open', 'open']);
    expect(limits?.take(provider, 1, 'small')?.account).to.equal('small');
    const two = providerWith({ name: 'a' }, { name: 'b' });
    const a = limits?.take(two, 1);
    expect(a?.account).to.equal('a');
    expect(a?.rest(1_000)).to.equal(true);
    a?.end();
    const b = limits?.take(two, 1);
    expect(b?.account).to.equal('b');
    expect(b?.rest(2_000), 'all of them rest').to.equal(false);
    expect(limits?.hasRoom(two, 1)).to.equal(false);
    clock.ms += 1_000;
    expect(limits?.hasRoom(two, 1)).to.equal(true);
  });

  it('begin no more calls than there is room for', async () => {
    const { all } = replicas(1);
    const [limits] = all;
    limits?.hasRoom(limited, 1);
    await limits?.renew();
    const more = [0, 5, 6, 7].map((reserved) => limits?.takesMore(limited, reserved));
    expect(more).to.deep.equal([true, true, true, true]);
    for (let n = 0; n < 7; n++) limits?.take(limited, 1);
    expect(limits?.takesMore(limited, 0)).to.equal(false);
    expect(limits?.takesMore({ slug: 'free' } as Provider, 9)).to.equal(true);
  });

  it('hold on while the store of shares is away', async () => {
    let isAway = false;
    const clock = { ms: 0 };
    const kept = openMemoryLimitShares(() => clock.ms);
    const shares: LimitShares = {
      renew: (...wish) => (isAway ? Promise.reject(new Error('away')) : kept.renew(...wish)),
      giveBack: (holder) => kept.giveBack(holder),
    };
    const limits = openAccountLimits({ shares, instance: 'a', log, now: () => clock.ms });
    isAway = true;
    limits.hasRoom(limited, 1);
    await limits.renew();
    expect(limits.hasRoom(limited, 1), 'without a share').to.equal(false);
    isAway = false;
    await limits.renew();
    isAway = true;
    for (let n = 0; n < 30; n++) {
      clock.ms += 1_000;
      await limits.renew();
      expect(limits.hasRoom(limited, 1)).to.equal(true);
      limits.take(limited, 1)?.end();
    }
  });
});
