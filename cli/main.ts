/** `modelroute`: the one program. Signals, environment and exit codes are dealt with here alone. */
import { configFrom } from '../infra/config/config.js';
import { withEnvironmentFile } from '../infra/config/environment-file.js';
import { StoreOverloaded, StoreUnavailable } from '../infra/event-store/port.js';
import { StartError } from '../infra/start-error.js';
import { isDatabaseTrouble } from '../runtime/database-trouble.js';
import { programOf } from './program.js';

let stop: AbortController | undefined;
let exitCode = 0;

// Whoever read our output has read enough: `modelroute events tail | head`.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) =>
  process.exit(code === 'EPIPE' ? 0 : 1),
);

try {
  await programOf({
    processEnv: process.env,
    env: () => withEnvironmentFile(process.env),
    config: () => configFrom(withEnvironmentFile(process.env)),
    get signal() {
      return (stop ??= stopOnSignals()).signal;
    },
    print: (line) => void process.stdout.write(`${line}\n`),
    endWith: (code) => void (exitCode = code),
  }).parseAsync(process.argv);
} catch (error) {
  exitCode = 1;
  process.stderr.write(`${sentenceOf(error)}\n`);
}
// What was printed into a pipe may not have left yet.
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
// Idle connections of clients and pools would keep the process for seconds.
process.exit(exitCode);

/** A second signal ends the process at once. */
function stopOnSignals(): AbortController {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(130);
      stopping.abort();
    });
  return stopping;
}

/** One sentence for what a person can cure; a defect shows where it is. */
function sentenceOf(error: unknown): string {
  if (error instanceof StartError) return error.message;
  if (stop?.signal.aborted && error === stop.signal.reason) return 'Stopped before it was done.';
  if (error instanceof StoreUnavailable || error instanceof StoreOverloaded)
    return `The event store cannot be used now: ${error.message}. Try again in a moment.`;
  if (isDatabaseTrouble(error))
    return `The database cannot be used now: ${error.message}. Try again in a moment.`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
