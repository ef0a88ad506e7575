/**
 * A storm: the system under load is killed again and again at random moments, and must have kept
 * every promise when the weather has calmed.
 *
 *   process      kill -9 of everything but the sandbox; sometimes again while it starts
 *   everything   the same, and the database with it, as when the machine fails
 *   postmaster   kill -9 of the database alone; the system brings it back
 *   backends     every connection to the database is cut
 *   restart      SIGTERM, which must end it in time and in order, and another start
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from '../../testing/at-end.js';
import { newTenant } from '../../testing/client.js';
import { cutConnections } from '../testing/database.js';
import { eventually } from '../../testing/eventually.js';
import { freePort } from '../../testing/free-port.js';
import { randomFrom, type Random } from '../../testing/random.js';
import { startReceiver } from '../../testing/receiver.js';
import { behave, behaveWell } from '../../sandbox/testing/behaviour.js';
import { startSystem, type System } from '../../testing/system.js';
import { audit, untilCalm, type Scene } from './audit.js';
import { NORTH_TEXT, TEXT, writeStormCatalogue } from './catalogue.js';
import { followFeed } from './feed-followers.js';
import { startLoad, type Load } from './load.js';

export type Strike = 'process' | 'everything' | 'postmaster' | 'backends' | 'restart';

export interface StormOptions {
  readonly seed: string;
  readonly strikes: readonly Strike[];
  readonly lanes: number;
}

export interface Stricken {
  readonly strike: Strike;
  /** Under load before it. */
  readonly afterMs: number;
  /** How often it was killed while it started again. */
  readonly again: number;
  readonly promisedSoFar: number;
  /** Until the next submission was accepted. */
  readonly recoveredInMs: number;
  /** The longest that anybody waited for an answer, whichever it was, from then on. */
  readonly slowestMs: number;
}

export interface StormReport {
  readonly stricken: readonly Stricken[];
  readonly load: Load;
  readonly told: number;
  readonly calmInMs: number;
  /** Everything that is wrong. */
  readonly findings: readonly string[];
  readonly verify: { readonly code: number | null; readonly output: string };
}

const TENANTS = 3;
const AMOUNT = '10000';
const PAUSE_MS = [10, 60] as const;
const RECOVERY_DEADLINE_MS = 60_000;
/** Ten seconds to drain, and what ending the database takes. */
const STOP_MS_MAX = 13_000;

export async function runStorm(options: StormOptions): Promise<StormReport> {
  const random = randomFrom(options.seed);
  const folder = await mkdtemp(join(tmpdir(), 'modelroute-storm-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  const { system, sandbox } = await startBoth(folder);
  const tenants = await Promise.all(
    Array.from({ length: TENANTS }, () => newTenant(system, AMOUNT)),
  );
  const receiver = await startReceiver();
  const load = startLoad({
    tenants,
    receiverUrl: receiver.url,
    lanes: options.lanes,
    pauseMs: PAUSE_MS,
    textModels: [TEXT, TEXT, NORTH_TEXT],
    random: random.branch('load'),
  });
  atEnd(async () => load.abandon());
  const followers = tenants.map((tenant, n) =>
    followFeed(system, tenant, random.branch(`follower-${n}`)),
  );
  atEnd(async () => followers.forEach((one) => one.abandon()));
  const stricken: Stricken[] = [];
  for (const strike of options.strikes)
    stricken.push(await strikeOnce(system, load, strike, random));
  await load.stop();
  await behaveWell(sandbox.sandboxUrl);
  const { sandboxUrl } = sandbox;
  const about = { tenants, amount: AMOUNT, load, receiver, followers };
  const scene: Scene = { ...about, sandboxUrl, isAlone: true };
  const calmFrom = performance.now();
  const unrest = await untilCalm(scene).then(
    () => [],
    (error: unknown) => [String(error)],
  );
  const calmInMs = Math.round(performance.now() - calmFrom);
  const findings = [...unrest, ...(await audit(scene))];
  const verify = await system.command(
    'verify',
    '--json',
    '--settled',
    '--deep',
    '--receiver-record',
    sandboxUrl,
  );
  const codes = [await system.stop(), await sandbox.stop()];
  if (codes.some((code) => code !== 0)) findings.push(`ended with ${codes.join(' and ')}`);
  return { stricken, load, told: receiver.told.length, calmInMs, findings, verify };
}

/** The sandbox lives on its own, so that its record can be believed. */
async function startBoth(folder: string): Promise<{ system: System; sandbox: System }> {
  const sandbox = await startSystem({
    roles: 'sandbox',
    dataDir: join(folder, 'sandbox'),
    env: { MODELROUTE_SANDBOX_PORT: String(await freePort()) },
  });
  await behave(sandbox.sandboxUrl, {
    aurora: {
      latency: { kind: 'lognormal', medianMs: 40, sigma: 0.6 },
      errorRate: 0.04,
      errorStatus: 500,
      misbehaviour: 'reset-mid-body',
      misbehaveRate: 0.02,
    },
    borealis: {
      latency: { kind: 'uniform', minMs: 30, maxMs: 250 },
      errorRate: 0.04,
      errorStatus: 503,
      misbehaviour: 'timeout',
      misbehaveRate: 0.02,
    },
  });
  const system = await startSystem({
    roles: 'command-api,query-api,processors,projectors,relay',
    dataDir: join(folder, 'data'),
    env: {
      SANDBOX_URL: sandbox.sandboxUrl,
      MODELROUTE_CATALOGUE: await writeStormCatalogue(folder),
    },
  });
  return { system, sandbox };
}

async function strikeOnce(
  system: System,
  load: Load,
  strike: Strike,
  random: Random,
): Promise<Stricken> {
  const afterMs = random.between(200, 1_500);
  await sleep(afterMs);
  load.slowestMs();
  const promisedSoFar = load.counts.accepted;
  const struckAt = performance.now();
  const again = await hit(system, strike, random);
  await load.probe();
  const recoveredInMs = Math.round(performance.now() - struckAt);
  return { strike, afterMs, again, promisedSoFar, recoveredInMs, slowestMs: load.slowestMs() };
}

/** How often it was hit again while it started. Resolves when the blow has landed. */
async function hit(system: System, strike: Strike, random: Random): Promise<number> {
  switch (strike) {
    case 'backends':
      await cutConnections(system);
      return 0;
    case 'postmaster':
      await killPostmaster(system);
      return 0;
    case 'restart':
      await restart(system);
      return 0;
    case 'everything':
      process.kill(await system.postmasterPid(), 'SIGKILL');
      return killProcess(system, random);
    case 'process':
      return killProcess(system, random);
  }
}

async function restart(system: System): Promise<void> {
  const from = performance.now();
  const code = await system.stop();
  const ms = Math.round(performance.now() - from);
  if (code !== 0 || ms > STOP_MS_MAX) throw new Error(`SIGTERM ended it with ${code} in ${ms} ms`);
  await system.restart();
}

async function killPostmaster(system: System): Promise<void> {
  const pid = await system.postmasterPid();
  process.kill(pid, 'SIGKILL');
  const isAnother = async () => (await system.postmasterPid().catch(() => pid)) !== pid;
  await eventually('another postmaster', isAnother, RECOVERY_DEADLINE_MS);
}

async function killProcess(system: System, random: Random): Promise<number> {
  await system.kill9();
  let again = 0;
  for (system.spawn(); random.chance(0.25); system.spawn()) {
    await sleep(random.between(0, 2_000));
    await system.kill9();
    again += 1;
  }
  await system.ready();
  return again;
}
