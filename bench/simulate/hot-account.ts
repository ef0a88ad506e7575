/**
 * One account, many processes that accept for it, each on a core of its own.
 *
 *   a caller ──► processor time of its process ──► the account's queue there ──► a turn
 *   a turn: what waits is decided together, appended at the revision that the process knows;
 *   another process was first: it reads what is new, decides again, appends again
 *
 * How they get along is the question:
 *   race    every process decides for the account
 *   owner   every process takes requests, and forwards the commands to one that decides
 *   hash    the balancer sends every request for the account to one process
 *
 * Callers are as many as given; each asks again when it is answered.
 */
import { randomFrom } from '../../testing/random.js';
import { openHappenings, type Happenings } from './happenings.js';

export interface HotAccount {
  readonly processes: number;
  readonly manner: 'race' | 'owner' | 'hash';
  readonly callers: number;
  /** Of a command outside its turn: HTTP, key, JSON, schemas, answer. */
  readonly requestMs: number;
  readonly decideMs: number;
  /** From sending an append to its answer; the store orders appends halfway. */
  readonly appendMs: number;
  readonly readMs: number;
  /** From a process to the owner, and back again. */
  readonly forwardMs: number;
  /** Each of append and read takes this share more or less. */
  readonly jitter: number;
  readonly batchMax: number;
  readonly seconds: number;
  readonly seed: string;
}

export interface HotAccountResult {
  readonly acceptsPerSecond: number;
  readonly conflictsPerAppend: number;
  readonly commandsPerAppend: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly accepted: number;
  /** Of the stream, counted by the store itself. */
  readonly revision: number;
}

interface Process {
  freeAtMs: number;
  readonly queue: Command[];
  isInTurn: boolean;
  knownRevision: number;
}

interface Command {
  readonly caller: number;
  readonly askedAtMs: number;
  /** From where it is decided to where it was asked. */
  readonly awayMs: number;
}

interface World extends HotAccount {
  readonly time: Happenings;
  readonly processesThere: readonly Process[];
  readonly random: ReturnType<typeof randomFrom>;
  revision: number;
  appends: number;
  conflicts: number;
  readonly waitsMs: number[];
}

export function simulateHotAccount(settings: HotAccount): HotAccountResult {
  const world: World = {
    ...settings,
    time: openHappenings(),
    processesThere: Array.from({ length: settings.processes }, () => ({
      freeAtMs: 0,
      queue: [],
      isInTurn: false,
      knownRevision: 0,
    })),
    random: randomFrom(settings.seed),
    revision: 0,
    appends: 0,
    conflicts: 0,
    waitsMs: [],
  };
  for (let caller = 0; caller < settings.callers; caller += 1) ask(world, caller);
  world.time.runUntil(settings.seconds * 1000);
  const { waitsMs, appends, conflicts, revision } = world;
  const sorted = waitsMs.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  return {
    acceptsPerSecond: waitsMs.length / settings.seconds,
    conflictsPerAppend: appends === 0 ? 0 : conflicts / appends,
    commandsPerAppend: appends === conflicts ? 0 : revision / (appends - conflicts),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    accepted: waitsMs.length,
    revision,
  };
}

function ask(world: World, caller: number): void {
  const { time, manner, processesThere, random, forwardMs } = world;
  const [owner] = processesThere;
  const taker = manner === 'hash' ? owner : random.pick(processesThere);
  const decider = manner === 'race' ? taker : owner;
  if (!taker || !decider) throw new Error('an account needs a process');
  const awayMs = taker === decider ? 0 : forwardMs;
  const command = { caller, askedAtMs: time.nowMs(), awayMs };
  worked(world, taker, world.requestMs, () => {
    time.after(awayMs, () => {
      decider.queue.push(command);
      if (!decider.isInTurn) takeTurn(world, decider);
    });
  });
}

/** After the processor has had time for it, behind what was asked of it before. */
function worked(world: World, process: Process, costMs: number, then: () => void): void {
  const nowMs = world.time.nowMs();
  process.freeAtMs = Math.max(nowMs, process.freeAtMs) + costMs;
  world.time.after(process.freeAtMs - nowMs, then);
}

function takeTurn(world: World, process: Process): void {
  const batch = process.queue.splice(0, world.batchMax);
  process.isInTurn = batch.length > 0;
  if (process.isInTurn) decide(world, process, batch);
}

function decide(world: World, process: Process, batch: readonly Command[]): void {
  worked(world, process, batch.length * world.decideMs, () => {
    const halfMs = jittered(world, world.appendMs) / 2;
    const expected = process.knownRevision;
    world.time.after(halfMs, () => {
      world.appends += 1;
      const isFirst = world.revision === expected;
      if (isFirst) world.revision += batch.length;
      else world.conflicts += 1;
      world.time.after(halfMs, () => {
        if (isFirst) accept(world, process, batch);
        else readAgain(world, process, batch);
      });
    });
  });
}

function accept(world: World, process: Process, batch: readonly Command[]): void {
  process.knownRevision += batch.length;
  for (const { caller, askedAtMs, awayMs } of batch)
    world.time.after(awayMs, () => {
      world.waitsMs.push(world.time.nowMs() - askedAtMs);
      ask(world, caller);
    });
  takeTurn(world, process);
}

/** What came meanwhile is decided with what lost. */
function readAgain(world: World, process: Process, batch: readonly Command[]): void {
  world.time.after(jittered(world, world.readMs), () => {
    process.knownRevision = world.revision;
    const more = process.queue.splice(0, Math.max(0, world.batchMax - batch.length));
    decide(world, process, [...batch, ...more]);
  });
}

const jittered = ({ random, jitter }: World, ms: number): number =>
  ms * (1 + jitter * (2 * random.next() - 1));
