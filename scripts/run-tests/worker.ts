/**
 * Runs spec files in one process, one after another as the runner names them, so that they share
 * what is started once for a process: a database server, a Kafka broker, a whole system.
 */
import { readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format, inspect } from 'node:util';
import Mocha, { type MochaOptions, type Runner, type Test } from 'mocha';
import { runEndings } from '../../testing/at-end.js';
import { repositoryRoot } from '../../testing/child-process.js';
import type { Order, Outcome } from './messages.js';

const { Base, Spec } = Mocha.reporters;
const { constants } = Mocha.Suite;

/** Prints each spec as it ends; failures come with the outcome, and skips with their reasons. */
class SpecReporter extends Spec {
  override epilogue(): void {
    // The runner writes one for all files.
  }
}

async function runFile(path: string): Promise<Outcome> {
  const mocha = new Mocha({ ...(await mochaSettings()), reporter: SpecReporter });
  try {
    await loadSpecs(mocha, join(repositoryRoot, path));
  } catch (error) {
    return { passed: 0, failures: [`${path} cannot be loaded: ${inspect(error)}`], skips: [] };
  }
  const failed: Test[] = [];
  const skipped: Test[] = [];
  const stats = await new Promise<Mocha.Stats | undefined>((resolve) => {
    const runner: Runner = mocha.run(() => resolve(runner.stats));
    runner.on('fail', (test) => failed.push(test));
    runner.on('pending', (test) => skipped.push(test));
  });
  // What it listens for on the process, which runs many files.
  mocha.dispose();
  return {
    passed: stats?.passes ?? 0,
    failures: failed.map(described),
    skips: skipped.map((test) => ({ title: test.fullTitle(), reason: reasonOf(test) })),
  };
}

/** As Mocha does it, but never by `require`, which would load everything once more. */
async function loadSpecs(mocha: Mocha, path: string): Promise<void> {
  const { EVENT_FILE_PRE_REQUIRE, EVENT_FILE_REQUIRE, EVENT_FILE_POST_REQUIRE } = constants;
  mocha.suite.emit(EVENT_FILE_PRE_REQUIRE, globalThis, path, mocha);
  const loaded: unknown = await import(pathToFileURL(path).href);
  mocha.suite.emit(EVENT_FILE_REQUIRE, loaded, path, mocha);
  mocha.suite.emit(EVENT_FILE_POST_REQUIRE, globalThis, path, mocha);
}

/** As for a file that is run alone (.mocharc.json), but for what is loaded before: that is here. */
async function mochaSettings(): Promise<MochaOptions> {
  const text = await readFile(join(repositoryRoot, '.mocharc.json'), 'utf8');
  const { timeout, slow, forbidOnly } = JSON.parse(text) as MochaOptions;
  return { timeout, slow, forbidOnly };
}

/** Mocha writes failures only to the console, so its console is ours while it does. */
function described(test: Test): string {
  const lines: string[] = [];
  const { consoleLog } = Base;
  Base.consoleLog = (...args: unknown[]) => void lines.push(format(...args));
  try {
    Base.list([test]);
  } finally {
    Base.consoleLog = consoleLog;
  }
  return lines.join('\n').trim();
}

function reasonOf(test: Mocha.Runnable | Mocha.Suite): string {
  for (let at: Mocha.Runnable | Mocha.Suite | undefined = test; at; at = at.parent) {
    const { skipReason } = at as { readonly skipReason?: string };
    if (skipReason) return skipReason;
  }
  return 'no reason given';
}

async function obey(order: Order): Promise<void> {
  if (order !== 'end') {
    const outcome = await runFile(order.run);
    hasFailed ||= outcome.failures.length > 0;
    process.send?.(outcome);
    return;
  }
  await runEndings();
  isDone = true;
  // What a failed spec left open is no failure of its own: it did not reach its last lines.
  if (hasFailed) process.exit(0);
  process.disconnect();
  const complain = () => console.log(`still open: ${[...stillOpen()].join(', ')}`);
  setTimeout(complain, CLOSED_WITHIN_MS).unref();
}

/** Kinds of what keeps the process, and of each connection whose it is: by its ports. */
function* stillOpen(): Iterable<string> {
  yield* process.getActiveResourcesInfo();
  const { _getActiveHandles: handles } = process as { _getActiveHandles?: () => unknown[] };
  for (const handle of handles?.call(process) ?? [])
    if (handle instanceof Socket && handle.remotePort !== undefined)
      yield `${handle.localPort} to ${handle.remotePort}, ${handle.readyState}`;
}

/** Then it tells what keeps the process from ending, before the runner ends it. */
const CLOSED_WITHIN_MS = 20_000;

let hasFailed = false;
let isDone = false;
// Mocha turns an uncaught exception into a failure of the spec that runs.
process.on('unhandledRejection', (reason) => {
  throw reason;
});
process.on('message', (order: Order) => void obey(order));
// Whoever was to hear of the outcome is gone.
process.on('disconnect', () => {
  if (!isDone) process.exit(1);
});
