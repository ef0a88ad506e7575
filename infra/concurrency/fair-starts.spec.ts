import { expect } from 'chai';
import fc from 'fast-check';
import { openFairStarts, type FairStarts, type FairStartsLimits } from './fair-starts.js';

const LIMITS: FairStartsLimits = {
  permits: 64,
  perHostMax: 32,
  perEndpointMax: 8,
  placesMax: 1_000,
  placesPerEndpointMax: 100,
};

interface Work {
  readonly organizationId: string;
  readonly host: string;
  readonly endpoint: string;
  readonly n: number;
}

/** `a@host/path`. */
function work(where: string, n = 0): Work {
  const [organizationId = '', address = ''] = where.split('@');
  return { organizationId, host: address.split('/')[0] ?? '', endpoint: where, n };
}

/** How many of that many were taken in. */
function addMany(starts: FairStarts<Work>, where: string, count: number): number {
  let added = 0;
  for (let n = 0; n < count; n += 1) if (starts.add(work(where, n))) added += 1;
  return added;
}

function startAll(starts: FairStarts<Work>): Work[] {
  const started: Work[] = [];
  for (let one = starts.next(); one; one = starts.next()) started.push(one);
  return started;
}

const byOrganization = (started: readonly Work[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { organizationId: id } of started) counts[id] = (counts[id] ?? 0) + 1;
  return counts;
};

/** So many hosts, one piece of work at each. */
const addHosts = (starts: FairStarts<Work>, organization: string, hosts: number) => {
  for (let n = 0; n < hosts; n += 1) starts.add(work(`${organization}@${organization}${n}/`, n));
};

describe('fair starts', () => {
  let starts: FairStarts<Work>;
  beforeEach(() => {
    starts = openFairStarts(LIMITS);
  });

  it('starts what was added, in order, and nothing twice', () => {
    addMany(starts, 'a@h/x', 3);
    expect(startAll(starts).map(({ n }) => n)).to.deep.equal([0, 1, 2]);
    expect([starts.waiting, starts.busy]).to.deep.equal([0, 3]);
    expect(starts.next()).to.equal(undefined);
  });

  it('keeps an endpoint from the rest of its host', () => {
    addMany(starts, 'a@h/never', 80);
    expect(startAll(starts)).to.have.length(8);
    starts.add(work('a@h/other'));
    expect(startAll(starts).map(({ endpoint }) => endpoint)).to.deep.equal(['a@h/other']);
  });

  it('leaves permits of a host to further endpoints of it, however many hang', () => {
    for (let n = 0; n < 12; n += 1) addMany(starts, `a@h/${n}`, 80);
    expect(startAll(starts)).to.have.length(15);
    starts.add(work('a@h/another'));
    addMany(starts, 'b@h/x', 80);
    expect(byOrganization(startAll(starts))).to.deep.equal({ a: 1, b: 6 });
  });

  it('gives one organization half, two a third each, and always finds some for one more', () => {
    addHosts(starts, 'a', 200);
    expect(byOrganization(startAll(starts))).to.deep.equal({ a: 32 });
    for (const [later, permits] of Object.entries({ b: 16, c: 8, d: 4, e: 2, f: 1 })) {
      addHosts(starts, later, 200);
      expect(byOrganization(startAll(starts))).to.deep.equal({ [later]: permits });
    }
  });

  it('comes to equal shares as the work of the first ends', () => {
    addHosts(starts, 'a', 300);
    const busy = startAll(starts);
    addHosts(starts, 'b', 300);
    busy.push(...startAll(starts));
    for (let turn = 0; turn < 200; turn += 1) {
      const over = busy.shift();
      if (!over) break;
      starts.ended(over, 'answered');
      busy.push(...startAll(starts));
      addHosts(starts, 'a', 1);
      addHosts(starts, 'b', 1);
    }
    const { a = 0, b = 0 } = byOrganization(busy);
    expect(a).to.be.within(20, 22);
    expect(b).to.be.within(20, 22);
  });

  it('lets organizations take turns, and within one its hosts and endpoints', () => {
    const few = openFairStarts<Work>({ ...LIMITS, permits: 1_000, perHostMax: 1_000 });
    for (const where of ['a@h/x', 'a@h/y', 'a@i/z', 'b@h/x']) addMany(few, where, 3);
    expect(startAll(few).map(({ endpoint }) => endpoint)).to.deep.equal([
      ...['a@h/x', 'b@h/x', 'a@i/z', 'b@h/x', 'a@h/y', 'b@h/x'],
      ...['a@i/z', 'a@h/x', 'a@i/z', 'a@h/y', 'a@h/x', 'a@h/y'],
    ]);
  });

  it('holds two permits for an endpoint that hangs, and more again once it answers', () => {
    addMany(starts, 'a@h/x', 100);
    const hung = startAll(starts);
    for (const one of hung) starts.ended(one, 'hung');
    expect(starts.hangs(work('a@h/x'))).to.equal(true);
    const [first, second, ...none] = startAll(starts);
    expect(none).to.deep.equal([]);
    starts.ended(second!, 'answered');
    expect(startAll(starts)).to.have.length(3);
    starts.ended(first!, 'unknown');
    const [third, ...more] = startAll(starts);
    expect(more).to.deep.equal([]);
    starts.ended(third!, 'hung');
    expect(startAll(starts), 'three still hold theirs').to.have.length(0);
  });

  it('remembers an endpoint that hangs when it has no work', () => {
    starts.add(work('a@h/x'));
    for (let times = 0; times < 3; times += 1) {
      starts.ended(starts.next()!, 'hung');
      starts.add(work('a@h/x'));
    }
    addMany(starts, 'a@h/x', 10);
    expect(startAll(starts)).to.have.length(2);
  });

  it('shares the places to wait in, and bounds those of an endpoint', () => {
    expect(addMany(starts, 'a@h/x', 300)).to.equal(100);
    for (let n = 0; n < 20; n += 1) addMany(starts, `a@h/${n}`, 300);
    expect(starts.waiting).to.equal(500);
    for (let n = 0; n < 20; n += 1) addMany(starts, `b@h/${n}`, 300);
    expect(starts.waiting).to.equal(750);
    expect(starts.add(work('c@h/x'))).to.equal(true);
  });

  it('says what need not be added to', () => {
    addMany(starts, 'a@h/x', 50);
    addMany(starts, 'a@h/y', 3);
    addMany(starts, 'b@i/x', 60);
    expect(starts.backlog(60).endpoints, 'all may start').to.deep.equal([]);
    expect(starts.backlog(60).organizations).to.deep.equal(['b']);
    expect(startAll(starts)).to.have.length(19);
    const { organizations, endpoints, ready } = starts.backlog(60);
    expect(organizations).to.deep.equal([]);
    expect(endpoints).to.deep.equal(['a@h/x', 'b@i/x']);
    expect(ready).to.deep.equal([]);
    starts.add(work('a@h/z', 7));
    expect(starts.backlog(60).ready).to.deep.equal([work('a@h/z', 7)]);
  });

  it('forgets what waits when it is cleared, and nothing that is busy', () => {
    addMany(starts, 'a@h/x', 50);
    const busy = startAll(starts);
    starts.clear();
    expect([starts.waiting, starts.busy]).to.deep.equal([0, 8]);
    for (const one of busy) starts.ended(one, 'answered');
    expect([starts.next(), starts.busy]).to.deep.equal([undefined, 0]);
    expect(addMany(starts, 'a@h/x', 3)).to.equal(3);
    expect(startAll(starts)).to.have.length(3);
  });

  it('keeps all its bounds in any order of events, and comes to rest', () => {
    const paths = 'a@h/1 a@h/2 a@i/1 a@j/1 b@h/1 b@i/2 c@k/1 d@h/3'.split(' ');
    const where = fc.constantFrom(...paths);
    const step = fc.oneof(
      fc.record({
        does: fc.constant('add' as const),
        where,
        count: fc.integer({ max: 40, min: 1 }),
      }),
      fc.record({ does: fc.constant('end' as const), pick: fc.nat(), hung: fc.boolean() }),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 200 }), walk));
  });
});

type Step =
  | { does: 'add'; where: string; count: number }
  | { does: 'end'; pick: number; hung: boolean };

function walk(steps: readonly Step[]): void {
  const starts = openFairStarts<Work>(LIMITS);
  const busy: Work[] = [];
  let added = 0;
  let over = 0;
  const held = (of: (one: Work) => string) => {
    const counts = new Map<string, number>();
    for (const one of busy) counts.set(of(one), (counts.get(of(one)) ?? 0) + 1);
    return Math.max(0, ...counts.values());
  };
  const end = (index: number, how: 'answered' | 'hung') => {
    const [one] = busy.splice(index, 1);
    if (!one) return;
    starts.ended(one, how);
    over += 1;
  };
  for (const step of steps) {
    if (step.does === 'add') added += addMany(starts, step.where, step.count);
    else if (busy.length > 0) end(step.pick % busy.length, step.hung ? 'hung' : 'answered');
    busy.push(...startAll(starts));
    expect(starts.busy).to.equal(busy.length);
    expect(starts.waiting + busy.length + over).to.equal(added);
    expect(held(({ host }) => host)).to.be.at.most(LIMITS.perHostMax);
    expect(held(({ endpoint }) => endpoint)).to.be.at.most(LIMITS.perEndpointMax);
    expect(held(({ organizationId }) => organizationId)).to.be.at.most(LIMITS.permits / 2);
  }
  while (busy.length > 0) {
    end(0, 'hung');
    busy.push(...startAll(starts));
  }
  expect([starts.waiting, starts.busy, over]).to.deep.equal([0, 0, added]);
}
