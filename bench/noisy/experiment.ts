/**
 * One run of the noisy neighbour. A is the noisy tenant, B the quiet one:
 *
 *   B alone → A puts N executions on the slow model → all rest, and only time passes
 *   → A also has N/5 deliveries on hosts that hang, 64 hostile connections and 100 more a second
 *   → the slow provider becomes fast, all is worked off → a minute passes
 *   → A puts N executions that all expire at one moment
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Bench } from '../cell.js';
import type { Defer } from '../defer.js';
import { FAST, SLOW } from './catalogue.js';
import { startHangingHosts, startHostile, startReceiver } from './hosts.js';
import { openNoisyTenant, type NoisyTenant } from './noisy-tenant.js';
import { openQuietTenant, type QuietTenant, type Window } from './quiet-tenant.js';
import { startNoisySystem, type NoisySystem } from './system.js';

export interface Experiment {
  /** Of the quiet tenant, by what went on meanwhile. */
  readonly alone: readonly Window[];
  readonly waiting: readonly Window[];
  readonly expiry: readonly Window[];
  readonly memory: Memory | undefined;
  /** Milliseconds of processor time a second while everything waits. */
  readonly waitingCpuMs: number | undefined;
  readonly notes: readonly string[];
  check(): Promise<readonly string[]>;
}

export interface Memory {
  readonly startBytes: number;
  readonly peakBytes: number;
  readonly drainedBytes: number;
}

const PROVIDER_MS = 30_000;
const GO_ON_PER_SECOND = 100;
const REST_MS = 5_000;
const CPU_MS = 20_000;
const AFTER_DRAIN_MS = 60_000;
/** Hosts that hung are tried again within two minutes, a few at a time. */
const DELIVERED_MS = 180_000;
const AUDIT_AGAIN_MS = 10_000;
/** Accepting them again takes as long as it did, and a little more. */
const EXPIRY_MARGIN = 1.5;
const EXPIRY_MARGIN_MS = 15_000;

export async function runExperiment(
  bench: Bench,
  defer: Defer,
  say: (line: string) => void,
): Promise<Experiment> {
  const { settings } = bench;
  const system = await startNoisySystem(bench, defer);
  await system.slowness(PROVIDER_MS);
  const receiver = await startReceiver(defer);
  const hosts = await startHangingHosts(defer);
  const quiet = await openQuietTenant(system, receiver, defer);
  const noisy = openNoisyTenant(system);
  const [count, seconds] = [settings.neighbours, settings.seconds * 2];
  const windows = (name: string) => windowsOf(quiet, settings.rounds, seconds, name, say);

  await quiet.window(seconds);
  const alone = await windows('alone');
  const startBytes = await system.process?.rssBytes();

  const acceptBegan = performance.now();
  await noisy.put(count, () => slow(3_600));
  const acceptMs = performance.now() - acceptBegan;
  say(`    ${count} accepted in ${Math.round(acceptMs / 1000)} s`);
  await pause(REST_MS);
  const waitingCpuMs = await cpuWhileWaiting(system);

  let told = 0;
  await noisy.put(Math.ceil(count / 5), () => fast(hosts.url(told++)));
  const { apiKey } = system.noisy;
  const chunksPerSecond = settings.hostileChunksPerSecond;
  const endHostile = startHostile({ url: system.url, apiKey, chunksPerSecond });
  const isOver = new AbortController();
  defer(async () => {
    endHostile();
    isOver.abort();
  });
  const going = goOn(noisy, isOver.signal);
  const [waiting] = await Promise.all([windows('waiting').finally(() => isOver.abort()), going]);
  endHostile();

  await system.slowness(0);
  await noisy.ended();
  say('    all of them ended; a minute passes');
  await pause(AFTER_DRAIN_MS);
  const drainedBytes = await system.process?.rssBytes();

  await system.slowness(PROVIDER_MS);
  const expiry = await expireAtOnce(noisy, count, acceptMs, () => windows('expiry'));
  await noisy.ended();
  hosts.heal();
  const peakBytes = await system.process?.peakBytes();
  const memory =
    startBytes && peakBytes && drainedBytes ? { startBytes, peakBytes, drainedBytes } : undefined;
  return {
    alone,
    waiting,
    expiry,
    memory,
    waitingCpuMs,
    notes: [
      `${count} executions and ${told} deliveries of the noisy tenant, accepted in ` +
        `${Math.round(acceptMs / 1000)} s; ${noisy.refused()} of its requests were refused`,
    ],
    async check() {
      const found = [...quiet.wronged(), ...(await noisy.miscounted())];
      return [...new Set(found), ...(await onceDelivered(system))];
    },
  };
}

/** What hung answers now, and its webhooks come by and by: the audit has the last word. */
async function onceDelivered(system: NoisySystem): Promise<string[]> {
  const giveUpAtMs = performance.now() + DELIVERED_MS;
  for (;;) {
    const found = await system.audit();
    if (found.length === 0 || performance.now() > giveUpAtMs) return found;
    await pause(AUDIT_AGAIN_MS);
  }
}

const slow = (expiresIn: number) => ({
  model: SLOW,
  input: { prompt: 'Take your time.', max_tokens: 32 },
  expires_in: expiresIn,
});

const fast = (webhookUrl: string) => ({
  model: FAST,
  input: { prompt: 'Tell nobody.', max_tokens: 32 },
  webhook_url: webhookUrl,
});

async function windowsOf(
  quiet: QuietTenant,
  rounds: number,
  seconds: number,
  name: string,
  say: (line: string) => void,
): Promise<Window[]> {
  const windows: Window[] = [];
  while (windows.length < rounds) {
    const window = await quiet.window(seconds);
    windows.push(window);
    const figures = Object.entries(window).map(([what, ms]) => `${what} ${ms.toFixed(0)}`);
    say(`    ${name} ${windows.length}/${rounds}: ${figures.join(', ')}`);
  }
  return windows;
}

async function cpuWhileWaiting({ process }: NoisySystem): Promise<number | undefined> {
  if (!process) return undefined;
  const before = await process.cpuMs();
  await pause(CPU_MS);
  return ((await process.cpuMs()) - before) / (CPU_MS / 1000);
}

async function goOn(noisy: NoisyTenant, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await noisy.goOn(GO_ON_PER_SECOND, 1, () => slow(3_600));
}

/** Puts executions that all end at one moment, and measures from just before it. */
async function expireAtOnce<T>(
  noisy: NoisyTenant,
  count: number,
  acceptMs: number,
  measure: () => Promise<T>,
): Promise<T> {
  const endMs = Date.now() + acceptMs * EXPIRY_MARGIN + EXPIRY_MARGIN_MS;
  const left = () => Math.max(1, Math.ceil((endMs - Date.now()) / 1000));
  await noisy.put(count, () => slow(left()));
  await pause(Math.max(0, endMs - Date.now() - 1_000));
  return measure();
}
