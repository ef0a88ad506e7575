/** A rebuild beside the live projection: equal to it, swapped in unseen, harmless when it dies. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { eventually } from '../../testing/eventually.js';
import { InvalidEvent, type LogRow } from '../../infra/event-store/codec.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { openPool } from '../../infra/postgres/pool.js';
import { projectionStates, requestRebuilds } from '../../infra/read-store/projection-states.js';
import { executions as table } from '../../infra/read-store/tables/executions.js';
import { executions } from '../executions/executions.js';
import { makeRebuilds } from './make-rebuilds.js';
import { projections } from '../projections.js';
import type { Projection } from './projection.js';
import {
  rebuildAll,
  RebuildUnderWay,
  type Rebuilding,
  type RebuildOutcome,
  type RebuildProgress,
} from './rebuild.js';
import { runProjections } from './run-projections.js';
import { rebuild } from '../testing/rebuild-one.js';
import { deposited, openReadModels, storyOf, type Fact, type ReadModels } from '../testing/kit.js';

describe('rebuilding a projection', function () {
  this.timeout(60_000);
  let models: ReadModels;
  const ends: (() => Promise<unknown>)[] = [];
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  after(() => models?.close());

  /** Runs `work` over and over until the spec ends. */
  const meanwhile = (work: (signal: AbortSignal) => Promise<void>) => {
    const stop = new AbortController();
    const done = work(stop.signal);
    const end = () => {
      stop.abort();
      return done;
    };
    ends.push(end);
    return end;
  };

  const story = (n: number): Fact[] => {
    const told = storyOf(undefined, undefined, { n: `${n}` });
    const start = [told.held(n), told.requested(n), told.dispatched(n + 1)];
    const over = [told.completed(n + 2), told.settled(n + 3)];
    return n % 3 === 0 ? start : [...start, ...over];
  };
  const writing = () =>
    meanwhile(async (signal) => {
      for (let n = 0; !signal.aborted; n++) {
        await models.append(...story(n % 50));
        await sleep(2);
      }
    });
  const running = () =>
    meanwhile((signal) => runProjections(models.runOptions(projections), signal));

  const indexes = async () => {
    const { rows } = await models.pool.query<{ indexname: string }>(
      "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'readmodel' ORDER BY 1",
    );
    return rows;
  };
  const shadows = async () => {
    const { rows } = await models.pool.query<{ tablename: string }>(
      "SELECT tablename FROM pg_tables WHERE tablename LIKE '%\\_\\_rebuild'",
    );
    return rows;
  };

  const outcomesOf = async (rebuilding: Rebuilding, swap: boolean, some = projections) => {
    const outcomes: RebuildOutcome[] = [];
    for await (const outcome of rebuildAll(rebuilding, some, { swap })) outcomes.push(outcome);
    return outcomes;
  };
  const equalOf = (outcome: RebuildOutcome) =>
    'rebuilt' in outcome ? outcome.rebuilt.comparison?.equal : outcome.error;

  it('equals the live one at one position, each projection, while a writer appends', async () => {
    await models.append(deposited(0), ...Array.from({ length: 30 }, (_, n) => story(n)).flat());
    running();
    writing();
    const shown: RebuildProgress[] = [];
    const onProgress = (progress: RebuildProgress) => void shown.push(progress);
    const outcomes = await outcomesOf({ ...models.runOptions([]), onProgress }, false);
    const equal = projections.map(({ name }) => [name, true]);
    expect(outcomes.map((outcome) => [outcome.name, equalOf(outcome)])).to.deep.equal(equal);
    expect(shown[0]?.names).to.deep.equal(projections.map(({ name }) => name));
    expect(shown.at(-1)?.names).to.deep.equal([projections.at(-1)?.name]);
    expect(await shadows()).to.deep.equal([]);
  });

  it('reads the log once for all, and puts each in its place', async () => {
    await models.append(deposited(0), ...Array.from({ length: 30 }, (_, n) => story(n)).flat());
    for (const one of projections) await models.project(one);
    const head = await models.store.head();
    let read = 0;
    const counting: EventStore = {
      ...models.store,
      async readAll(...asked) {
        const batch = await models.store.readAll(...asked);
        read += batch.events.length;
        return batch;
      },
    };
    const outcomes = await outcomesOf({ ...models.runOptions([]), store: counting }, true);
    expect(outcomes.map(equalOf)).to.deep.equal(projections.map(() => true));
    expect(read).to.equal(Number(head) + 1);
    const states = await projectionStates(models.pool);
    expect(states.map(({ generation, state }) => [generation, state])).to.deep.equal(
      projections.map(() => [1, 'running']),
    );
  });

  it('goes on without one that cannot take an event, and says which', async () => {
    await models.append(...story(1));
    for (const one of projections) await models.project(one);
    const live = await models.checksum(executions);
    const broken: Projection = {
      ...executions,
      handle(event, batch) {
        if (event.type === 'ExecutionCompleted') throw new Error('it cannot be taken');
        executions.handle(event, batch);
      },
    };
    const some = projections.map((one) => (one.name === 'executions' ? broken : one));
    const [first, ...others] = await outcomesOf(models.runOptions([]), true, some);
    expect(first).to.have.nested.property('error.message', 'it cannot be taken');
    expect(first?.name).to.equal('executions');
    expect(others.map(equalOf)).to.deep.equal(others.map(() => true));
    expect(others).to.have.length(projections.length - 1);
    expect(await models.checksum(executions)).to.deep.equal(live);
    expect(await shadows()).to.deep.equal([]);
  });

  it('goes on with those that do not read an event that nobody can decode', async () => {
    await models.append(...story(1));
    for (const one of projections) await models.project(one);
    const row = { position: 2n, stream: 'execution-1', revision: 1, type: 'ProviderDispatched' };
    const undecodable: EventStore = {
      ...models.store,
      readAll: (after, limit, filter) =>
        filter?.types?.includes('ProviderDispatched')
          ? Promise.reject(new InvalidEvent('no JSON', undefined, 2n, row as LogRow))
          : models.store.readAll(after, limit, filter),
    };
    const outcomes = await outcomesOf({ ...models.runOptions([]), store: undecodable }, false);
    const readers = projections.filter(({ types }) => types.has('ProviderDispatched'));
    const failed = outcomes.filter((outcome) => 'error' in outcome).map(({ name }) => name);
    expect(failed).to.deep.equal(readers.map(({ name }) => name));
    expect(outcomes).to.have.length(projections.length);
  });

  it('takes the live place while a writer appends; readers never see less', async () => {
    await models.append(deposited(0), ...Array.from({ length: 30 }, (_, n) => story(n)).flat());
    const before = await indexes();
    running();
    await models.progress.passed('executions', await models.store.head(), 5_000);
    writing();
    const counts: number[] = [];
    const read = meanwhile(async (signal) => {
      const question = { name: 'prepared', text: 'SELECT count(*) FROM readmodel.executions' };
      while (!signal.aborted) {
        const { rows } = await models.pool.query<{ count: bigint }>(question);
        counts.push(Number(rows[0]?.count));
      }
    });
    for (let swaps = 1; swaps <= 3; swaps++) {
      const { swapped, comparison } = await rebuild(models.runOptions([]), executions, {
        swap: true,
      });
      expect([swapped, comparison?.equal]).to.deep.equal([true, true]);
      const state = (await projectionStates(models.pool)).find(({ name }) => name === 'executions');
      expect(state).to.include({ generation: swaps, state: 'running' });
      const { rebuilt } = comparison ?? {};
      expect(state?.rebuilt?.compared).to.deep.equal({ ...rebuilt, equal: true });
    }
    const head = await models.store.head();
    expect(await models.progress.passed('executions', head, 5_000)).to.equal(true);
    await read();
    expect(counts.length).to.be.above(10);
    expect(counts).to.deep.equal([...counts].sort((a, b) => a - b));
    expect(counts[0]).to.be.at.least(30);
    expect(await indexes()).to.deep.equal(before);
    const again = await rebuild(models.runOptions([]), executions, { swap: false });
    expect(again.comparison?.equal).to.equal(true);
  });

  it('finds a row that is wrong, and mends it', async () => {
    const told = storyOf();
    await models.append(told.requested(0), told.completed(1));
    await models.project(executions);
    await models.pool.query("UPDATE readmodel.executions SET status = 'FAILED'");
    const { comparison } = await rebuild(models.runOptions([]), executions, { swap: true });
    expect(comparison?.equal).to.equal(false);
    const [row] = await models.rows(table);
    expect(row).to.include({ status: 'COMPLETED' });
  });

  it('leaves the live one as it is when it dies in the middle; the next clears up', async () => {
    await models.append(...Array.from({ length: 30 }, (_, n) => story(n)).flat());
    await models.project(executions);
    const live = await models.checksum(executions);
    const log = { info: () => undefined, warn: () => undefined };
    const mortal = openPool(models.url, { max: 2, applicationName: 'modelroute mortal', log });
    let reads = 0;
    const killing: EventStore = {
      ...models.store,
      readAll: async (after, _limit) => {
        if (++reads === 3)
          await models.pool.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'modelroute mortal'`,
          );
        return models.store.readAll(after, 20);
      },
    };
    const { progress } = models;
    const rebuilding = { pool: mortal, progress, store: killing, log };
    const dying = rebuild(rebuilding, executions, { swap: true });
    const death = await dying.then(
      () => undefined,
      (error: unknown) => error,
    );
    await mortal.end();
    expect(death).to.be.instanceOf(Error);
    expect(await shadows()).to.have.length(executions.tables.length);
    expect(await models.checksum(executions)).to.deep.equal(live);
    await eventually('its lock is free', async () => {
      const [state] = await projectionStates(models.pool);
      return state?.state === 'running';
    });
    const { comparison } = await rebuild(models.runOptions([]), executions, { swap: true });
    expect(comparison?.equal).to.equal(true);
    expect(await shadows()).to.deep.equal([]);
  });

  it('is made once at a time', async () => {
    await models.append(...story(1));
    await models.project(executions);
    const both = await Promise.allSettled([
      rebuild(models.runOptions([]), executions, { swap: false }),
      rebuild(models.runOptions([]), executions, { swap: false }),
    ]);
    const reasons = both.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
    expect(reasons.map(({ name }) => name)).to.deep.equal([RebuildUnderWay.name]);
  });

  it('is made when an operator asks for it, and when the code is newer', async () => {
    await models.append(...story(1), ...story(2));
    await models.project(executions);
    const generationOf = async () => (await projectionStates(models.pool))[0]?.generation;
    meanwhile((signal) => makeRebuilds(models.runOptions([]), [executions], signal));
    expect(await requestRebuilds(models.pool, 'no_such_projection')).to.deep.equal([]);
    expect(await requestRebuilds(models.pool, 'executions')).to.deep.equal(['executions']);
    await eventually('it was made', async () => (await generationOf()) === 1, 20_000);
    expect((await projectionStates(models.pool))[0]?.rebuildRequested).to.equal(false);
    const newer = { ...executions, version: executions.version + 1 };
    meanwhile((signal) => makeRebuilds(models.runOptions([]), [newer], signal));
    await eventually('the newer one was made', async () => (await generationOf()) === 2, 20_000);
    expect((await projectionStates(models.pool))[0]?.version).to.equal(newer.version);
  });
});
