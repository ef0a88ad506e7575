/** What every keeper of checkpoints and parked wakes must do. */
import { expect } from 'chai';
import { START } from '../../event-store/port.js';
import type { CheckpointStore, ParkedWake } from '../port.js';

interface CheckpointsHarness {
  readonly checkpoints: CheckpointStore;
  close(): Promise<void>;
}

const wake = (group: string, revision: number, attempts = 3): Omit<ParkedWake, 'parkedAt'> => ({
  group,
  stream: 'execution-one',
  revision,
  type: 'ExecutionExpired',
  position: 7_000_000_000_000n + BigInt(revision),
  attempts,
  error: 'Error: no',
});

const withoutTime = (wakes: readonly ParkedWake[]) => wakes.map(({ parkedAt: _, ...rest }) => rest);

export function checkpointsContract(name: string, open: () => Promise<CheckpointsHarness>): void {
  describe(`checkpoints contract: ${name}`, () => {
    let harness: CheckpointsHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());
    const the = () => harness.checkpoints;
    keepsCheckpoints(the);
    keepsParkedWakes(the);
  });
}

function keepsCheckpoints(the: () => CheckpointStore): void {
  it('answers the start for a group that never saved, else what was saved', async () => {
    expect(await the().read('a')).to.equal(START);
    await the().save('a', 9_007_199_254_740_993n);
    await the().save('b', 0n);
    expect(await the().read('a')).to.equal(9_007_199_254_740_993n);
    expect(await the().read('b')).to.equal(0n);
  });

  it('never moves a checkpoint back', async () => {
    await the().save('a', 10n);
    await the().save('a', 9n);
    expect(await the().read('a')).to.equal(10n);
  });

  it('lists the groups that saved or parked', async () => {
    await the().save('b', 5n);
    await the().save('a', 4n);
    await the().park(wake('b', 1));
    await the().park(wake('b', 2));
    await the().park(wake('C', 1));
    expect(await the().list()).to.deep.equal([
      { group: 'C', position: START, parked: 1 },
      { group: 'a', position: 4n, parked: 0 },
      { group: 'b', position: 5n, parked: 2 },
    ]);
  });
}

function keepsParkedWakes(the: () => CheckpointStore): void {
  it('lists parked wakes oldest first, of one group or of all', async () => {
    await the().park(wake('b', 1));
    await the().park(wake('a', 1));
    await the().park(wake('b', 0));
    expect(withoutTime(await the().listParked())).to.deep.equal([
      wake('b', 1),
      wake('a', 1),
      wake('b', 0),
    ]);
    expect(withoutTime(await the().listParked('b'))).to.deep.equal([wake('b', 1), wake('b', 0)]);
    const [first] = await the().listParked();
    expect(first?.parkedAt).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('forgets a wake that is unparked, once and again', async () => {
    await the().park(wake('a', 1));
    await the().unpark('a', 'execution-one', 1);
    await the().unpark('a', 'execution-one', 1);
    expect(await the().listParked()).to.deep.equal([]);
  });

  it('marks a parked wake for a retry until it is parked again', async () => {
    await the().park(wake('a', 1));
    await the().park(wake('a', 2));
    expect(await the().requestRetry('a', 'execution-one', 1)).to.equal(true);
    expect(await the().requestRetry('a', 'execution-one', 3)).to.equal(false);
    expect(await the().requestRetry('b', 'execution-one', 1)).to.equal(false);
    expect(withoutTime(await the().retriesRequested('a'))).to.deep.equal([wake('a', 1)]);
    expect(await the().retriesRequested('b')).to.deep.equal([]);
    await the().park(wake('a', 1, 6));
    expect(await the().retriesRequested('a')).to.deep.equal([]);
    expect(withoutTime(await the().listParked())).to.deep.equal([wake('a', 2), wake('a', 1, 6)]);
  });
}
