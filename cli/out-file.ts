/** A file that a command was told to write. */
import { StartError } from '../infra/start-error.js';

/** The error to throw after it could not be written: one sentence where its path is the cause. */
export function outTrouble(error: unknown, path: string): unknown {
  const { code, path: failed } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return new StartError(`The disk that holds ${path} is full.`);
  return failed === path ? new StartError(`${path} cannot be written: ${code}.`) : error;
}
