/** Position order is commit order: what only competing processes can prove, or refute. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { eventually } from '../../../../testing/eventually.js';
import { NO_STREAM, START } from '../../port.js';
import type { OpenHarness, ProcessCommand } from './harness.js';
import {
  bench,
  created,
  followed,
  newStream,
  offered,
  readToEnd,
  unitOf,
  type Bench,
  type Follower,
} from './kit.js';
import type { Command, LandedEvent, Saying, SeenEvent } from './process.js';

interface Peer {
  readonly process: ChildProcess;
  readonly landed: LandedEvent[];
  readonly saw: SeenEvent[];
  readonly errors: string[];
  resting: boolean;
  tell(command: Command): void;
}

interface Scene {
  writers: Peer[];
  reader: Peer;
  /** In this process, beside the suite's own appends. */
  follower: Follower;
}

export function processContract(open: OpenHarness): void {
  describe('with competing processes, a reader never skips or repeats an event', function () {
    this.timeout(60_000);
    const on = bench(open);
    const contested = newStream();
    let scene: Scene;

    before(async function () {
      scene = await start(on, offered(this, on.harness.processes));
    });
    after(async () => {
      await scene?.follower.stop();
      for (const peer of scene ? [...scene.writers, scene.reader] : []) await kill(peer);
    });

    const write = () => scene.writers.forEach((peer) => peer.tell({ do: 'write', contested }));

    it('while they append', async () => {
      write();
      await pause(1_500);
      await rest(scene.writers);
      await sameForAll(on, scene);
    });

    it('while a transaction that has appended stays open for seconds', async function () {
      const holdOpen = offered(this, on.harness.holdOpen);
      write();
      const [held] = [created('held')];
      const transaction = await holdOpen(unitOf(newStream(), NO_STREAM, held));
      await pause(2_500);
      expect(scene.reader.saw.some(([id]) => id === held.id)).to.equal(false);
      await transaction.commit();
      await eventually('held event', () => scene.reader.saw.some(([id]) => id === held.id));
      await pause(300);
      await rest(scene.writers);
      await sameForAll(on, scene);
    });

    it('while one of them is killed with -9', async () => {
      write();
      await pause(500);
      const [killed, ...others] = scene.writers;
      await kill(killed!);
      const before = landedBy(others);
      await eventually('others go on', () => landedBy(others) > before + 50);
      await rest(others);
      await sameForAll(on, scene);
      scene.writers = others;
    });

    it('while one of them is stopped for seconds', async () => {
      write();
      await pause(300);
      const [stopped, ...others] = scene.writers;
      stopped!.process.kill('SIGSTOP');
      const before = landedBy(others);
      await pause(2_500);
      expect(landedBy(others)).to.be.greaterThan(before + 50);
      stopped!.process.kill('SIGCONT');
      const own = landedBy([stopped!]);
      await eventually('it goes on', () => landedBy([stopped!]) > own + 50);
      await rest(scene.writers);
      await sameForAll(on, scene);
    });
  });
}

const WRITERS = 3;

async function start(on: Bench, { module, args }: ProcessCommand): Promise<Scene> {
  const begin = () => fork(fileURLToPath(module), args, { execArgv: ['--import', 'tsx'] });
  const peers = await Promise.all(Array.from({ length: WRITERS + 1 }, () => listen(begin())));
  const [reader, ...writers] = peers as [Peer, ...Peer[]];
  reader.tell({ do: 'follow' });
  return { writers, reader, follower: followed(on.store, START) };
}

async function listen(child: ChildProcess): Promise<Peer> {
  const peer: Peer = {
    process: child,
    landed: [],
    saw: [],
    errors: [],
    resting: true,
    tell(command) {
      if (command.do === 'write') peer.resting = false;
      child.send(command);
    },
  };
  const ready = new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the process ended with ${code}`)));
    child.on('message', (saying: Saying) => {
      if (saying.say === 'ready') resolve();
      if (saying.say === 'resting') peer.resting = true;
      if (saying.say === 'landed') peer.landed.push(...saying.events);
      if (saying.say === 'saw') peer.saw.push(...saying.events);
      if (saying.say === 'failed') peer.errors.push(saying.error);
    });
  });
  await ready;
  return peer;
}

const landedBy = (peers: readonly Peer[]): number =>
  peers.reduce((sum, { landed }) => sum + landed.length, 0);

async function rest(peers: readonly Peer[]): Promise<void> {
  for (const peer of peers) peer.tell({ do: 'rest' });
  await eventually('rest', () => peers.every(({ resting }) => resting), 10_000);
}

async function kill({ process: child }: Peer): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Both readers saw the log as it stands, in its order; and what writers were told is in it. */
async function sameForAll({ store }: Bench, { writers, reader, follower }: Scene): Promise<void> {
  const events = await readToEnd(store, START, {}, 1000);
  const log = events.map(({ id, position }): SeenEvent => [id, `${position}`]);
  await eventually('the reader', () => reader.saw.length >= log.length, 10_000);
  await follower.has(log.length, 10_000);
  expect(reader.saw).to.deep.equal(log);
  expect(follower.events.map(({ id, position }) => [id, `${position}`])).to.deep.equal(log);
  const positions = new Map(log);
  const untrue = writers.flatMap(({ landed }) =>
    landed.filter(([id, position]) => positions.get(id) !== position),
  );
  expect(untrue).to.deep.equal([]);
  expect(new Set(log.map(([id]) => id)).size).to.equal(log.length);
  expect([...writers, reader].flatMap(({ errors }) => errors)).to.deep.equal([]);
}
