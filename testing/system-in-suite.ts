/** One running system for a `describe`, or one for all that need nothing special of it. */
import { startSystem, type System, type SystemOptions } from './system.js';

const LOG_LINES_SHOWN = 60;

/** Starts before the suite's first spec, stops after its last; a failing spec shows the log. */
export function systemInSuite(
  options: SystemOptions | (() => Promise<SystemOptions>) = {},
): () => System {
  let system: System | undefined;
  before(async function () {
    this.timeout(150_000);
    system = await startSystem(typeof options === 'function' ? await options() : options);
  });
  after(async function () {
    this.timeout(60_000);
    const code = await system?.stop();
    if (system && code !== 0) throw new Error(`the system ended with ${code}`);
    refuseTrouble(system);
  });
  return showingItsLog(() => running(system));
}

let shared: Promise<System> | undefined;

/** The system that suites share: without a demo, ended when all specs are over. */
export function sharedSystem(): () => System {
  let system: System | undefined;
  before(async function () {
    this.timeout(150_000);
    system = await (shared ??= startSystem());
  });
  after(() => refuseTrouble(system));
  return showingItsLog(() => running(system));
}

/** Nothing that a spec does may be an error of ours, or be told outside of the log. */
function refuseTrouble(system: System | undefined): void {
  const isTrouble = (line: string) => !line.startsWith('{"level":') || /"level":"error"/.test(line);
  const trouble = system?.lines().filter(isTrouble) ?? [];
  if (trouble.length > 0) throw new Error(`the system's log shows trouble:\n${trouble.join('\n')}`);
}

function running(system: System | undefined): System {
  if (!system) throw new Error('The system is started before the first spec, not while loading.');
  return system;
}

function showingItsLog(system: () => System): () => System {
  afterEach(function () {
    if (this.currentTest?.state !== 'failed') return;
    console.log(`    ${system().lines().slice(-LOG_LINES_SHOWN).join('\n    ')}`);
  });
  return system;
}
