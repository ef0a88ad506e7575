/** The runner: up with the log, exact after crashes, loud about poison, patient with outages. */
import { expect } from 'chai';
import { eventually } from '../../testing/eventually.js';
import { InvalidEvent } from '../../infra/event-store/codec.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import { StoreUnavailable, type EventStore } from '../../infra/event-store/port.js';
import { projectionStates } from '../../infra/read-store/projection-states.js';
import { holds as holdsTable } from '../../infra/read-store/tables/billing.js';
import { accountBalances } from '../account-balances/account-balances.js';
import { holds } from '../holds/holds.js';
import { projection, type Projection } from './projection.js';
import { projections } from '../projections.js';
import { rebuild } from '../testing/rebuild-one.js';
import { runProjections } from './run-projections.js';
import { deposited, openReadModels, storyOf, type Fact, type ReadModels } from '../testing/kit.js';

describe('running projections', () => {
  let models: ReadModels;
  const ends: (() => Promise<void>)[] = [];
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });
  after(() => models?.close());

  const run = (which: readonly Projection[], store?: EventStore) => {
    const stop = new AbortController();
    const running = runProjections(models.runOptions(which, store), stop.signal);
    const end = async () => {
      stop.abort();
      await running;
    };
    ends.push(end);
    return end;
  };

  const upWithTheLog = async (which: readonly Projection[]) => {
    const head = await models.store.head();
    for (const { name } of which)
      expect(await models.progress.passed(name, head, 5_000), name).to.equal(true);
  };

  const stateOf = async ({ name }: Projection) => {
    const states = await projectionStates(models.pool);
    return states.find((state) => state.name === name);
  };

  const story = (n: number): Fact[] => {
    const told = storyOf();
    return [told.held(n), told.requested(n), told.dispatched(n + 1), told.completed(n + 2)];
  };

  it('brings all up to the head, and keeps them there', async () => {
    await models.append(deposited(0), ...story(1), ...story(2));
    run(projections);
    await upWithTheLog(projections);
    await models.append(...story(3));
    await upWithTheLog(projections);
    const states = await projectionStates(models.pool);
    expect(states.map(({ name, state, position }) => [name, state, position])).to.deep.equal(
      [...projections.map(({ name }) => name)].sort().map((name) => [name, 'running', 12n]),
    );
    expect(await models.rows(holdsTable)).to.have.length(3);
  });

  it('goes on exactly where it was stopped, wherever that was', async () => {
    for (let n = 0; n < 6; n++) {
      const end = run(projections);
      await models.append(...story(n), ...story(n));
      await end();
    }
    run(projections);
    await upWithTheLog(projections);
    const live = [];
    for (const one of projections) live.push((await models.checksum(one)).checksum);
    await models.clear();
    const again = [];
    for (const one of projections) await models.project(one);
    for (const one of projections) again.push((await models.checksum(one)).checksum);
    expect(again).to.deep.equal(live);
  });

  it('goes on when two run by mistake, and nothing is applied twice', async () => {
    run(projections);
    run(projections);
    for (let n = 0; n < 20; n++) await models.append(...story(n));
    await upWithTheLog(projections);
    expect(await models.rows(holdsTable)).to.have.length(20);
    const { comparison } = await rebuild(models.runOptions([]), holds, { swap: false });
    expect(comparison?.equal).to.equal(true);
  });

  /** Takes everything but one event. */
  const fragile = (poison: bigint, isPoisoned: () => boolean) =>
    projection(
      'holds',
      { version: 1, tables: [holdsTable] },
      {
        HoldPlaced: (event, batch) => {
          if (event.position === poison && isPoisoned()) throw new Error('cannot take this');
          holds.handle(event, batch);
        },
      },
    );

  it('stops the one that an event poisons right before it, loudly; the others go on', async () => {
    await models.append(deposited(0), ...story(1), ...story(2), ...story(3));
    let isPoisoned = true;
    const which = [fragile(5n, () => isPoisoned), accountBalances];
    const end = run(which);
    await upWithTheLog([accountBalances]);
    const stopped = await eventually('it is shown', async () => {
      const state = await stateOf(holds);
      return state?.state === 'stopped' ? state : undefined;
    });
    expect([stopped.position, stopped.stopped?.position, stopped.stopped?.error]).to.deep.equal([
      1n,
      5n,
      'cannot take this',
    ]);
    expect(await models.rows(holdsTable)).to.have.length(1);
    const [line] = models.logged.filter(({ msg }) => /stopped/.test(String(msg)));
    expect(line).to.include({ level: 50, projection: 'holds', position: '5', type: 'HoldPlaced' });
    expect(await models.progress.passed('holds', 8n, 5_000)).to.equal(false);

    await end();
    isPoisoned = false;
    run(which);
    await eventually('it goes on after a start', async () => {
      const state = await stateOf(holds);
      return state?.state === 'running' && state.position === 12n;
    });
    expect(await models.rows(holdsTable)).to.have.length(3);
  });

  it('stops for rows that the database refuses, too', async () => {
    const twice = projection(
      'holds',
      { version: 1, tables: [holdsTable] },
      {
        HoldPlaced: (event, batch) => holds.handle(event, batch),
        FundsDeposited: () => undefined,
      },
    );
    const told = storyOf();
    await models.append(deposited(0), told.held(1));
    const end = run([twice]);
    await upWithTheLog([twice]);
    await end();
    await models.append(told.held(2), deposited(3));
    run([twice]);
    const state = await eventually('it is shown', async () => (await stateOf(holds))?.stopped);
    expect(state.position).to.equal(2n);
    expect(state.error).to.match(/duplicate key/);
  });

  it('runs on when a rebuild mends a stopped one', async () => {
    await models.append(deposited(0), ...story(1));
    let isPoisoned = true;
    const mended = fragile(1n, () => isPoisoned);
    run([mended]);
    await eventually('it stopped', async () => (await stateOf(holds))?.state === 'stopped');
    isPoisoned = false;
    const { swapped, comparison } = await rebuild(models.runOptions([]), mended, { swap: true });
    expect([swapped, comparison]).to.deep.equal([true, undefined]);
    await models.append(...story(2));
    await eventually('it runs on', async () => (await models.rows(holdsTable)).length === 2);
  });

  it('waits out an outage of the log and of the database', async () => {
    let isAway = true;
    const inner = openMemoryEventStore();
    const flaky: EventStore = {
      ...inner,
      readAll: async (...args) => {
        if (isAway) throw new StoreUnavailable('away');
        return models.store.readAll(...args);
      },
      subscribe: (...args) => models.store.subscribe(...args),
    };
    await models.append(deposited(0), ...story(1));
    run(projections, flaky);
    await eventually('it waits', () => models.logged.some(({ msg }) => msg === 'projections wait'));
    isAway = false;
    await upWithTheLog(projections);
    await models.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    await models.append(...story(2));
    await upWithTheLog(projections);
    expect(await models.rows(holdsTable)).to.have.length(2);
  });

  /** Reads of one who catches up name his types; they wait until they are let through. */
  const heldUp = () => {
    let letThrough = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letThrough = resolve));
    let reads = 0;
    const store: EventStore = {
      ...models.store,
      readAll: async (after, eventsMax, filter) => {
        if (filter?.types) {
          reads += 1;
          await gate;
        }
        return models.store.readAll(after, eventsMax, filter);
      },
    };
    return { store, letThrough, reads: () => reads };
  };

  it('leaves the others current while one that is new reads the whole log', async () => {
    await models.append(deposited(0), ...story(1), ...story(2));
    const others = projections.filter((one) => one !== accountBalances);
    for (const one of others) await models.project(one);
    const { store, letThrough, reads } = heldUp();
    run(projections, store);
    await eventually('the new one reads', () => reads() > 0);
    await models.append(...story(3));
    await upWithTheLog(others);
    expect((await stateOf(accountBalances))?.position).to.equal(-1n);
    letThrough();
    await upWithTheLog(projections);
    const alone = reads();
    await models.append(...story(4));
    await upWithTheLog(projections);
    expect(reads()).to.equal(alone);
    const positions = (await projectionStates(models.pool)).map(({ position }) => position);
    expect(new Set(positions).size).to.equal(1);
    for (const one of projections) {
      const { comparison } = await rebuild(models.runOptions([]), one, { swap: false });
      expect(comparison?.equal, one.name).to.equal(true);
    }
  });

  it('stops a new one at what it cannot take, and waits for nobody', async () => {
    await models.append(deposited(0), ...story(1), ...story(2));
    await models.project(accountBalances);
    run([fragile(5n, () => true), accountBalances]);
    await eventually('it stopped', async () => (await stateOf(holds))?.state === 'stopped');
    await models.append(...story(3));
    await upWithTheLog([accountBalances]);
    expect((await stateOf(holds))?.position).to.equal(1n);
  });

  it('says loudly that the log has an event which cannot be read, and that all stand', async () => {
    await models.append(deposited(0), ...story(1));
    let isUnreadable = true;
    const damaged: EventStore = {
      ...models.store,
      readAll: async (...args) => {
        if (isUnreadable) throw new InvalidEvent('account-o/0: data/amount must be string');
        return models.store.readAll(...args);
      },
      subscribe: (...args) => models.store.subscribe(...args),
    };
    const running = models.runOptions([holds, accountBalances], damaged);
    const stop = new AbortController();
    const ended = runProjections(running, stop.signal);
    const line = await eventually('it is said', () =>
      models.logged.find(({ msg }) => /cannot be read/.test(String(msg))),
    );
    expect(line).to.include({ level: 50, reason: 'account-o/0: data/amount must be string' });
    const stopped = async () =>
      (await running.metrics.projectionStopped.get()).values.map(({ value }) => value);
    expect(await stopped()).to.deep.equal([1, 1]);
    isUnreadable = false;
    await upWithTheLog([holds, accountBalances]);
    await eventually('they run', async () => (await stopped()).every((value) => value === 0));
    stop.abort();
    await ended;
  });
});
