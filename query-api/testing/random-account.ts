/** An account and its executions, lived at random: the facts of each second, one after another. */
import fc from 'fast-check';
import { streamOf } from '../../contracts/streams.js';
import { at, ORGANIZATION, storyOf, type Fact } from '../../projectors/testing/kit.js';

export interface Second {
  readonly second: number;
  readonly facts: readonly Fact[];
  /** Of executions, the newest first. */
  readonly executionIds: readonly string[];
}

type Story = ReturnType<typeof storyOf>;
type Act =
  | 'accept'
  | 'start'
  | 'retry'
  | 'complete'
  | 'fail'
  | 'cancel'
  | 'expire'
  | 'adjust'
  | 'flood';

/** What `held` and `settled` of a story move. */
const [HOLD, CHARGE] = [10_000n, 4_000n];

const CORRECTION = -777n;

/** A flood is of so many deposits. */
export function* randomAccount(
  seed: number,
  { seconds, floodEvents }: { readonly seconds: number; readonly floodEvents: number },
): Generator<Second> {
  const account = { available: 0n, held: 0n };
  const stories: Story[] = [];
  const [waiting, running]: [Story[], Story[]] = [[], []];
  const move = (available: bigint, held: bigint) => {
    account.available += available;
    account.held += held;
    return [account.available, account.held] as const;
  };
  /** Without a charge. */
  const ended = (
    story: Story | undefined,
    how: 'cancelled' | 'expired' | 'failed',
    second: number,
  ) => (story ? [story[how](second), story.released(second, ...move(HOLD, -HOLD))] : []);
  const deposit = (second: number, name: string, amount: bigint): Fact => {
    const [availableAfter, heldAfter] = move(amount, 0n);
    const about = { organizationId: ORGANIZATION, topUpId: name, amount, at: at(second) };
    return {
      stream: streamOf('account', ORGANIZATION),
      type: 'FundsDeposited',
      data: { ...about, availableAfter, heldAfter },
    };
  };
  const acts: Record<Act, (second: number, which: number) => readonly Fact[]> = {
    accept(second) {
      const story = storyOf();
      stories.unshift(story);
      waiting.push(story);
      return [story.held(second, ...move(-HOLD, HOLD)), story.requested(second)];
    },
    start(second, which) {
      const story = taken(waiting, which);
      if (story) running.push(story);
      return story ? [story.dispatched(second)] : [];
    },
    complete(second, which) {
      const story = taken(running, which);
      const after = story && move(HOLD - CHARGE, -HOLD);
      return after ? [story.completed(second), story.settled(second, ...after)] : [];
    },
    retry(second, which) {
      const story = taken(running, which);
      if (story) running.push(story);
      return story ? [story.failedOnce(second), story.dispatched(second, 2)] : [];
    },
    fail: (second, which) => ended(taken(running, which), 'failed', second),
    cancel: (second, which) => ended(taken(waiting, which), 'cancelled', second),
    expire: (second, which) => ended(taken(waiting, which), 'expired', second),
    adjust: (second) => [adjusted(second, ...move(CORRECTION, 0n))],
    flood: (second) =>
      Array.from({ length: floodEvents }, (_, n) => deposit(second, `${second}/${n}`, 1n)),
  };
  yield { second: 0, facts: [deposit(0, 'first', 100_000_000n)], executionIds: [] };
  const choices = fc.sample(fc.tuple(someAct, fc.nat(1_000)), { seed, numRuns: seconds });
  for (const [index, [act, which]] of choices.entries()) {
    const second = index + 1;
    const facts = acts[act](second, which);
    yield { second, facts, executionIds: stories.map(({ executionId }) => executionId) };
  }
}

const adjusted = (second: number, availableAfter: bigint, heldAfter: bigint): Fact => ({
  stream: streamOf('account', ORGANIZATION),
  type: 'FundsAdjusted',
  data: {
    organizationId: ORGANIZATION,
    adjustmentId: `${second}`,
    amount: CORRECTION,
    reason: 'a mistake',
    availableAfter,
    heldAfter,
    at: at(second),
  },
});

const someAct = fc.oneof(
  { weight: 30, arbitrary: fc.constant<Act>('accept') },
  { weight: 25, arbitrary: fc.constant<Act>('start') },
  { weight: 15, arbitrary: fc.constant<Act>('complete') },
  { weight: 10, arbitrary: fc.constant<Act>('cancel') },
  { weight: 8, arbitrary: fc.constant<Act>('expire') },
  { weight: 10, arbitrary: fc.constant<Act>('retry') },
  { weight: 8, arbitrary: fc.constant<Act>('fail') },
  { weight: 6, arbitrary: fc.constant<Act>('adjust') },
  { weight: 2, arbitrary: fc.constant<Act>('flood') },
);

function taken(stories: Story[], which: number): Story | undefined {
  const [story] = stories.splice(which % Math.max(stories.length, 1), 1);
  return story;
}
