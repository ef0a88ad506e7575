import { expect } from 'chai';
import {
  StoreUnavailable,
  type AppendOutcome,
  type EventStore,
} from '../../infra/event-store/port.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import { deposit, hold, newOrganization } from '../testing/kit.js';
import { openAccounts } from './accounts.js';

/** A store that appends streams apart; dependent appends land when the gate lets them. */
function apart(gate: (unit: number) => Promise<void>) {
  const memory = openMemoryEventStore();
  const primaries: number[] = [];
  let units = 0;
  const store: EventStore = {
    ...memory,
    async append({ appends: [primary, ...dependents], onPrimaryLanded }) {
      const unit = units++;
      const [first] = await memory.append({ appends: [primary] });
      if (first?.status !== 'appended')
        return [...(first ? [first] : []), ...dependents.map(() => SKIPPED)];
      primaries.push(primary.events.length);
      onPrimaryLanded?.();
      await gate(unit);
      const rest = dependents.map((one) => memory.append({ appends: [one] }));
      return [first, ...(await Promise.all(rest)).flat()];
    },
  };
  return { store, primaries };
}

const SKIPPED: AppendOutcome = { status: 'skipped' };

const gateOf = () => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
};

describe('batches of one account over a store that appends streams apart', () => {
  const org = newOrganization();
  const wish = (n: number, amount = 1n) => hold({ organizationId: org, key: `k${n}`, amount });
  const onError = (error: unknown) => {
    throw error;
  };
  const settledIn = async (work: Promise<unknown>) => {
    let isSettled = false;
    work.then(
      () => (isSettled = true),
      () => (isSettled = true),
    );
    for (let n = 0; n < 20; n++) await new Promise(setImmediate);
    return isSettled;
  };

  it('the next batch lands while dependent appends of the last one are under way', async () => {
    const gate = gateOf();
    const { store, primaries } = apart((unit) => (unit === 1 ? gate.opened : Promise.resolve()));
    const accounts = openAccounts({ store, onError });
    await accounts.submit(org, deposit(org, 10n));
    const slow = accounts.submit(org, wish(1));
    expect(await settledIn(slow)).to.equal(false);
    const next = await accounts.submit(org, wish(2));
    expect(next.outcome).to.equal('accepted');
    expect(primaries).to.deep.equal([1, 1, 1]);
    expect(await settledIn(slow)).to.equal(false);
    gate.open();
    expect((await slow).outcome).to.equal('accepted');
  });

  it('answers a duplicate, and a refusal, when what they may be due to has ended', async () => {
    const gate = gateOf();
    const { store } = apart((unit) => (unit === 1 ? gate.opened : Promise.resolve()));
    const accounts = openAccounts({ store, onError });
    await accounts.submit(org, deposit(org, 10n));
    const slow = accounts.submit(org, wish(1, 8n));
    expect(await settledIn(slow)).to.equal(false);
    const duplicate = accounts.submit(org, wish(1, 8n));
    const refused = accounts.submit(org, wish(2, 5n));
    expect(await settledIn(Promise.race([duplicate, refused]))).to.equal(false);
    gate.open();
    expect((await slow).outcome).to.equal('accepted');
    expect((await duplicate).outcome).to.equal('alreadyDone');
    expect((await refused).outcome).to.equal('rejected');
  });

  it('an outage of dependent appends fails their batch alone', async () => {
    const gate = gateOf();
    const { store } = apart(async (unit) => {
      if (unit !== 1) return;
      await gate.opened;
      throw new StoreUnavailable('away');
    });
    const accounts = openAccounts({ store, onError });
    await accounts.submit(org, deposit(org, 10n));
    const failing = accounts.submit(org, wish(1)).catch((error: unknown) => error);
    expect(await settledIn(failing)).to.equal(false);
    const next = accounts.submit(org, wish(2));
    expect((await next).outcome).to.equal('accepted');
    gate.open();
    expect(await failing).to.be.instanceOf(StoreUnavailable);
    const again = await accounts.submit(org, wish(1));
    expect(again.outcome).to.equal('alreadyDone');
  });
});
