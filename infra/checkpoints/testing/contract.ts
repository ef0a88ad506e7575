/** What every keeper of checkpoints and dead letters must do. */
import { expect } from 'chai';
import { START } from '../../event-store/port.js';
import type { CheckpointStore, DeadLetter } from '../port.js';

interface CheckpointsHarness {
  readonly checkpoints: CheckpointStore;
  close(): Promise<void>;
}

const letter = (group: string, revision: number, attempts = 3): Omit<DeadLetter, 'addedAt'> => ({
  group,
  stream: 'execution-one',
  revision,
  type: 'ExecutionExpired',
  position: 7_000_000_000_000n + BigInt(revision),
  attempts,
  error: 'Error: no',
});

const PAGED = [
  ['b', 1],
  ['b', 0],
  ['a', 1],
  ['C', 1],
] as const;

const withoutTime = (letters: readonly DeadLetter[]) =>
  letters.map(({ addedAt: _, ...rest }) => rest);

export function checkpointsContract(name: string, open: () => Promise<CheckpointsHarness>): void {
  describe(`checkpoints contract: ${name}`, () => {
    let harness: CheckpointsHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());
    const the = () => harness.checkpoints;
    keepsCheckpoints(the);
    keepsDeadLetters(the);
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

  it('lists the groups that saved or have dead letters', async () => {
    await the().save('b', 5n);
    await the().save('a', 4n);
    await the().addDeadLetter(letter('b', 1));
    await the().addDeadLetter(letter('b', 2));
    await the().addDeadLetter(letter('C', 1));
    expect(await the().list()).to.deep.equal([
      { group: 'C', position: START, deadLetters: 1 },
      { group: 'a', position: 4n, deadLetters: 0 },
      { group: 'b', position: 5n, deadLetters: 2 },
    ]);
  });
}

function keepsDeadLetters(the: () => CheckpointStore): void {
  it('lists dead letters in the order of the log, of one group or of all', async () => {
    await the().addDeadLetter(letter('b', 1));
    await the().addDeadLetter(letter('a', 1));
    await the().addDeadLetter(letter('b', 0));
    expect(withoutTime(await the().deadLetters())).to.deep.equal([
      letter('b', 0),
      letter('a', 1),
      letter('b', 1),
    ]);
    expect(withoutTime(await the().deadLetters('b'))).to.deep.equal([
      letter('b', 0),
      letter('b', 1),
    ]);
    const [first] = await the().deadLetters();
    expect(first?.addedAt).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('lists dead letters page by page, also while those of the page before go', async () => {
    for (const [group, revision] of PAGED) await the().addDeadLetter(letter(group, revision));
    const [b0, C1] = await the().deadLetters(undefined, { limit: 2 });
    expect(withoutTime([b0!, C1!])).to.deep.equal([letter('b', 0), letter('C', 1)]);
    await the().removeDeadLetter('C', 'execution-one', 1);
    const rest = [letter('a', 1), letter('b', 1)];
    const behind = await the().deadLetters(undefined, { limit: 2, after: C1 });
    expect(withoutTime(behind)).to.deep.equal(rest);
    const ofGroup = await the().deadLetters('b', { limit: 2, after: b0 });
    expect(withoutTime(ofGroup)).to.deep.equal([letter('b', 1)]);
  });

  it('removes a dead letter, once and again', async () => {
    await the().addDeadLetter(letter('a', 1));
    await the().removeDeadLetter('a', 'execution-one', 1);
    await the().removeDeadLetter('a', 'execution-one', 1);
    expect(await the().deadLetters()).to.deep.equal([]);
  });

  it('marks a dead letter for a redrive until it is added again', async () => {
    await the().addDeadLetter(letter('a', 1));
    await the().addDeadLetter(letter('a', 2));
    expect(await the().requestRedrive('a', 'execution-one', 1)).to.equal(true);
    expect(await the().requestRedrive('a', 'execution-one', 3)).to.equal(false);
    expect(await the().requestRedrive('b', 'execution-one', 1)).to.equal(false);
    expect(withoutTime(await the().redrivesRequested('a'))).to.deep.equal([letter('a', 1)]);
    expect(await the().redrivesRequested('b')).to.deep.equal([]);
    await the().addDeadLetter(letter('a', 1, 6));
    expect(await the().redrivesRequested('a')).to.deep.equal([]);
    expect(withoutTime(await the().deadLetters())).to.deep.equal([
      letter('a', 1, 6),
      letter('a', 2),
    ]);
  });
}
