/** What every command is given by `main`, so that nothing else touches the process. */
import type { Config } from '../infra/config/config.js';
import type { Environment } from '../infra/config/environment-file.js';

export interface Context {
  /** Read when a command needs it, so that help is given whatever is set. Throws `StartError`. */
  readonly config: () => Config;
  /** Of the process, and of the data folder's `environment` file where a cluster runs. */
  readonly env: () => Environment;
  readonly processEnv: Environment;
  /** Aborts on the first SIGINT or SIGTERM; they are listened to once it was asked for. */
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
  /** What the command exits with instead of 0. */
  readonly endWith: (exitCode: number) => void;
}

/** `verify` found something wrong: told apart from a command that could not be carried out (1). */
export const EXIT_FOUND = 2;

export const exitCodes = (found = false): string =>
  `\nExit codes:\n  0  done${found ? ', and nothing is wrong' : ''}\n` +
  '  1  not done: one sentence on stderr says why\n' +
  (found ? `  ${EXIT_FOUND}  done, and something is wrong\n` : '');
