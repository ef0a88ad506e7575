/**
 * What every store must do when its server falls silent: no FIN, no RST, no answer. Of two stores
 * over one line one is idle meanwhile, and one is asked all the time.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { eventually } from '../../../testing/eventually.js';
import { openTcpProxy, type Afterwards, type TcpProxy } from '../../../testing/tcp-proxy.js';
import { NO_STREAM, StoreUnavailable, type AppendUnit, type EventStore } from '../port.js';
import { created, followed, idsOf, land, landed, newStream, unitOf } from './contract/kit.js';

interface Line {
  /** Of the server, for the proxy. */
  readonly url: string;
  /** Knows nothing of the silence. */
  readonly direct: EventStore;
  openStore(url: string): EventStore;
  close(): Promise<void>;
}

const SILENT_MS = 3_000;
const ASK_EVERY_MS = 40;
/** Two seconds, and what a busy machine takes. */
const ANSWER_MS_MAX = 2_500;
const RENEWED_MS_MAX = 5_000;

export function silenceContract(name: string, open: () => Promise<Line>): void {
  describe(`a silent server: ${name}`, function () {
    this.timeout(60_000);
    let line: Line;
    let proxy: TcpProxy;
    let idle: EventStore;
    let busy: EventStore;
    before(async () => {
      line = await open();
      proxy = await openTcpProxy(line.url);
    });
    beforeEach(() => {
      [idle, busy] = [line.openStore(proxy.url), line.openStore(proxy.url)];
    });
    afterEach(() => Promise.all([idle.close(), busy.close()]));
    after(async () => {
      await line.close();
      await proxy.close();
    });

    for (const afterwards of ['delivered', 'forgotten'] as const)
      it(`costs nothing but time, when its connections are ${afterwards}`, () =>
        survives(line, proxy, { idle, busy }, afterwards));
  });
}

async function survives(
  { direct }: Line,
  proxy: TcpProxy,
  { idle, busy }: { readonly idle: EventStore; readonly busy: EventStore },
  afterwards: Afterwards,
): Promise<void> {
  const from = await direct.head();
  const followers = [followed(idle, from), followed(busy, from)];
  for (const store of [idle, busy]) await land(store, newStream(), created());
  for (const follower of followers) await follower.has(2);
  const load = startLoad(busy);
  await sleep(200);
  const silence = proxy.silentFor(SILENT_MS, afterwards);
  await sleep(SILENT_MS / 2);
  const meanwhile = created();
  await land(direct, newStream(), meanwhile);
  await silence;
  const endedAt = performance.now();
  for (const [n, store] of [idle, busy].entries()) {
    await eventually('it is appended to', () => isDone(land(store, newStream(), created())));
    await eventually('it is read', () => isDone(store.readStream(newStream())));
    await eventually('its head is known', () => isDone(store.head()));
    const isTold = () => idsOf(followers[n]?.events ?? []).includes(meanwhile.id ?? '');
    await eventually('it is followed', isTold);
  }
  expect(performance.now() - endedAt).to.be.lessThan(RENEWED_MS_MAX);
  const { slowestMs, failures, units } = await load.stop();
  expect(slowestMs).to.be.lessThan(ANSWER_MS_MAX);
  expect(failures.length).to.be.above(20);
  for (const failure of failures) expect(failure).to.be.instanceOf(StoreUnavailable);
  // The same again is told what became of it, and lands once.
  for (const unit of units) {
    expect(landed((await direct.append(unit))[0]).revision).to.equal(0);
    expect((await direct.readStream(unit.appends[0].stream)).length).to.equal(1);
  }
  const head = await direct.head();
  for (const follower of followers) {
    await eventually('all is told', () => follower.batches.at(-1)?.position === head);
    await follower.stop();
    const ids = idsOf(follower.events);
    expect(new Set(ids).size).to.equal(ids.length);
    expect(ids).to.include.members(units.flatMap(({ appends: [{ events }] }) => idsOf(events)));
  }
}

const isDone = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

function startLoad(store: EventStore) {
  const units: AppendUnit[] = [];
  const failures: unknown[] = [];
  const asked = new Set<Promise<void>>();
  let slowestMs = 0;
  const ask = (work: Promise<unknown>) => {
    const askedAt = performance.now();
    const answered = work
      .catch((error: unknown) => failures.push(error))
      .then(() => {
        slowestMs = Math.max(slowestMs, performance.now() - askedAt);
        asked.delete(answered);
      });
    asked.add(answered);
  };
  const timer = setInterval(() => {
    const unit = unitOf(newStream(), NO_STREAM, created());
    units.push(unit);
    ask(store.append(unit));
    ask(store.readStream(unit.appends[0].stream));
  }, ASK_EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(asked);
      return { slowestMs, failures, units };
    },
  };
}
