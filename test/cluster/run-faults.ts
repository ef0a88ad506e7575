/**
 * A cluster under load is struck by every fault in turn, and must have kept every promise in the
 * end. It has recovered from one when it accepts again and what it then accepted is over.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from '../../testing/at-end.js';
import { newTenant } from '../../testing/client.js';
import { randomFrom } from '../../testing/random.js';
import { startReceiver, type Receiver } from '../../testing/receiver.js';
import { behave, behaveWell } from '../../sandbox/testing/behaviour.js';
import type { System } from '../../testing/system.js';
import { audit, untilCalm, type Scene } from '../storm/audit.js';
import { NORTH_TEXT, TEXT } from '../storm/catalogue.js';
import { followFeed } from '../storm/feed-followers.js';
import { startLoad, type Load } from '../storm/load.js';
import type { Fault } from './faults.js';

export interface FaultsOptions {
  readonly seed: string;
  readonly faults: readonly Fault[];
  /** Faults come one after another; so many executions are accepted in all, at least. */
  readonly executions: number;
  readonly lanes: number;
  readonly pauseMs: readonly [min: number, max: number];
  /** Undisturbed, before each fault. */
  readonly calmMs: number;
  /** Nobody else makes the sandbox work. */
  readonly isAlone: boolean;
  /** Who is told of ends, and by which way; one of its own unless given. */
  readonly receiver?: Receiver;
  readonly receiverUrl?: string;
  /** Told of each recovery as it is over. */
  readonly onStruck: (struck: Struck) => void;
}

export interface Struck {
  readonly fault: string;
  /** How long the cause lasted. */
  readonly lastedMs: number;
  /** From its end until an execution that was submitted then was over. */
  readonly recoveredInMs: number;
  readonly acceptedMeanwhile: number;
  /** Answers of 503, and no answers, in that time. */
  readonly unavailable: number;
  /** The longest that anybody waited for an answer, whichever it was, in that time. */
  readonly slowestMs: number;
}

export interface FaultsReport {
  readonly struck: readonly Struck[];
  readonly load: Load;
  readonly perSecond: number;
  readonly told: number;
  readonly calmInMs: number;
  /** Everything that is wrong. */
  readonly findings: readonly string[];
  readonly verify: { readonly code: number | null; readonly output: string };
}

const TENANTS = 3;
const AMOUNT = '10000';

export async function runFaults(system: System, options: FaultsOptions): Promise<FaultsReport> {
  const random = randomFrom(options.seed);
  await misbehave(system.sandboxUrl);
  const tenants = await Promise.all(
    Array.from({ length: TENANTS }, () => newTenant(system, AMOUNT)),
  );
  const receiver = options.receiver ?? (await startReceiver());
  const load = startLoad({
    tenants,
    receiverUrl: options.receiverUrl ?? receiver.url,
    lanes: options.lanes,
    pauseMs: options.pauseMs,
    textModels: [TEXT, TEXT, NORTH_TEXT],
    random: random.branch('load'),
  });
  atEnd(async () => load.abandon());
  const followers = tenants.map((tenant, n) =>
    followFeed(system, tenant, random.branch(`follower-${n}`)),
  );
  atEnd(async () => followers.forEach((one) => one.abandon()));
  const beganAt = performance.now();
  const struck: Struck[] = [];
  const findings: string[] = [];
  for (const fault of options.faults) {
    await sleep(options.calmMs);
    const one = await strike(fault, load, findings);
    struck.push(one);
    options.onStruck(one);
  }
  while (load.counts.accepted < options.executions) await sleep(100);
  const perSecond = (load.counts.accepted * 1000) / (performance.now() - beganAt);
  await load.stop();
  const { sandboxUrl } = system;
  await behaveWell(sandboxUrl);
  const { isAlone } = options;
  const about = { tenants, amount: AMOUNT, load, receiver, followers };
  const scene: Scene = { ...about, sandboxUrl, isAlone };
  const calmFrom = performance.now();
  const unrest = await untilCalm(scene).then(
    () => [],
    (error: unknown) => [String(error)],
  );
  const calmInMs = Math.round(performance.now() - calmFrom);
  findings.push(...unrest, ...(await audit(scene)));
  const verify = await system.command(
    'verify',
    '--json',
    '--settled',
    '--deep',
    '--receiver-record',
    sandboxUrl,
  );
  const told = receiver.told.length;
  return { struck, load, perSecond, told, calmInMs, findings, verify };
}

const misbehave = (sandboxUrl: string): Promise<void> =>
  behave(sandboxUrl, {
    aurora: {
      latency: { kind: 'lognormal', medianMs: 40, sigma: 0.6 },
      errorRate: 0.02,
      errorStatus: 500,
      misbehaviour: 'reset-mid-body',
      misbehaveRate: 0.01,
    },
    borealis: {
      latency: { kind: 'uniform', minMs: 30, maxMs: 250 },
      errorRate: 0.02,
      errorStatus: 503,
      misbehaviour: 'timeout',
      misbehaveRate: 0.01,
    },
  });

async function strike(fault: Fault, load: Load, findings: string[]): Promise<Struck> {
  const { accepted, unanswered, unavailable } = load.counts;
  load.slowestMs();
  const struckAt = performance.now();
  await fault.strike();
  const endedAt = performance.now();
  await load
    .probeThrough()
    .catch((error: unknown) => void findings.push(`after ${fault.name}: ${String(error)}`));
  const { counts } = load;
  return {
    fault: fault.name,
    lastedMs: Math.round(endedAt - struckAt),
    recoveredInMs: Math.round(performance.now() - endedAt),
    acceptedMeanwhile: counts.accepted - accepted,
    unavailable: counts.unanswered + counts.unavailable - unanswered - unavailable,
    slowestMs: load.slowestMs(),
  };
}
