/** Rows follow from the events alone: not from where batches end, nor from how often they run. */
import { expect } from 'chai';
import fc from 'fast-check';
import type { DeliveryEvent } from '../../contracts/events/delivery.js';
import { derivedUuid, type OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { advance, loadProjections, Moved } from './running-projections.js';
import { projections } from '../projections.js';
import {
  at,
  deposited,
  openReadModels,
  storyOf,
  type Fact,
  type ReadModels,
} from '../testing/kit.js';

const organizationOf = (n: number): OrganizationId => `org_${derivedUuid(`organization ${n}`)}`;

type Told = ReturnType<typeof storyOf>;

/** Ways in which an execution may go. */
const WAYS: readonly ((told: Told) => readonly Fact[])[] = [
  (told) => [told.held(0), told.requested(1)],
  (told) => [told.held(0), told.abandoned(70), told.released(71)],
  (told) => [
    told.held(0),
    told.requested(1),
    told.dispatched(2),
    told.completed(3),
    told.settled(4),
  ],
  (told) => [
    told.held(0),
    told.requested(1),
    told.dispatched(2),
    told.failedOnce(3, at(9)),
    told.dispatched(9, 2),
    told.delivered(11),
    told.completed(12),
    told.settled(13),
  ],
  (told) => [told.held(0), told.requested(1), told.dispatched(2), told.failed(3), told.released(4)],
  (told) => [told.held(0), told.requested(1), told.cancelled(2), told.released(3)],
  (told) => [told.held(0), told.requested(1), told.dispatched(2), told.unknown(3)],
  (told) => [told.requested(1), ...deliveryOf(told)],
];

function deliveryOf({ executionId }: Told): Fact[] {
  const deliveryId = `dlv_${executionId.slice(5)}` as const;
  const known = { deliveryId, organizationId: organizationOf(0), executionId };
  const fact = (event: DeliveryEvent): Fact => ({
    ...event,
    stream: streamOf('delivery', deliveryId),
  });
  return [
    fact({
      type: 'DeliveryScheduled',
      data: {
        ...known,
        eventId: `evt_${executionId.slice(5)}`,
        eventType: 'execution.failed',
        sequence: 2,
        revision: 1,
        url: 'https://receiver.example',
        at: at(1),
      },
    }),
    fact({
      type: 'DeliveryAttemptFailed',
      data: {
        ...known,
        attempt: 1,
        reason: 'refused',
        latencyMs: 1,
        nextAttemptAt: at(150),
        at: at(2),
      },
    }),
    fact({
      type: 'DeliverySucceeded',
      data: { ...known, attempt: 2, status: 200, latencyMs: 1, at: at(3) },
    }),
  ];
}

/** Several executions told at the same time: order is kept within each. */
const interleaved = fc
  .array(fc.record({ way: fc.nat(WAYS.length - 1), organization: fc.nat(2) }), {
    minLength: 1,
    maxLength: 8,
  })
  .chain((told) => {
    const stories = told.map(({ way, organization }, n) => {
      const metadata = n % 2 === 0 ? { n: `${n}` } : {};
      const story = storyOf(organizationOf(organization), derivedUuid(`story ${n}`), metadata);
      return [...(WAYS[way]?.(story) ?? [])];
    });
    const turns = stories.flatMap((story, n) => story.map(() => n));
    return fc.shuffledSubarray(turns, { minLength: turns.length }).map((order) => {
      const left = stories.map((story) => [...story]);
      return order.flatMap((n) => left[n]?.shift() ?? []);
    });
  });

describe('projections in batches', function () {
  this.timeout(60_000);
  let models: ReadModels;
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  after(() => models?.close());

  const checksums = async () => {
    const sums: Record<string, string> = {};
    for (const one of projections) {
      const { checksum, rows } = await models.checksum(one);
      sums[one.name] = `${rows} rows, ${checksum}`;
    }
    return sums;
  };

  it('gives the same rows wherever the batches end', async () => {
    const ends = fc.uniqueArray(fc.nat(40), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(interleaved, ends, fc.boolean(), async (facts, cuts, forgetful) => {
        await models.reset();
        await models.append(deposited(0, organizationOf(0)), ...facts);
        for (const one of projections) await models.project(one);
        const whole = await checksums();
        const events = await models.events();
        await models.clear();
        const places = [...new Set([...cuts, events.length])].sort((a, b) => a - b);
        let running = await loadProjections(models.pool, projections);
        let begin = 0;
        for (const end of places.filter((place) => place <= events.length)) {
          const batch = events.slice(begin, end);
          begin = end;
          if (forgetful) running = await loadProjections(models.pool, projections);
          const position = batch.at(-1)?.position;
          if (position !== undefined)
            await advance(models.pool, running, { events: batch, position });
        }
        expect(await checksums()).to.deep.equal(whole);
      }),
      { numRuns: 12, seed: 7 },
    );
  });

  it('moves nobody from where he is not, and nothing is written twice', async () => {
    const story = storyOf();
    await models.append(deposited(0), story.held(1), story.requested(2));
    const stale = await loadProjections(models.pool, projections);
    const events = await models.events();
    for (const one of projections) await models.project(one);
    const before = await checksums();
    const again = { events, position: events.at(-1)?.position ?? 0n };
    await advance(models.pool, stale, again).then(
      () => expect.fail('moved'),
      (error: unknown) => expect(error).to.be.instanceOf(Moved),
    );
    expect(await checksums()).to.deep.equal(before);
  });
});
