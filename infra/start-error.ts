/**
 * Why a start cannot go on, for the person who gave the command: one sentence that says what is
 * wrong and what to do about it. `main` prints the message alone and exits 1; a stack trace is for
 * bugs.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/**
 * The error to throw after work in `folder` failed: a StartError where the cause is one that an
 * operator can cure, otherwise the error itself, unchanged.
 */
export function folderTrouble(error: unknown, folder: string): unknown {
  if (error instanceof StartError || !(error instanceof Error)) return error;
  const { code = '', path = folder, dest = path } = error as FileError;
  const sentence = folderSentences[code];
  return sentence ? new StartError(sentence(dest), { cause: error }) : error;
}

/** A copy or a rename names two paths; what it could not write is the second. */
type FileError = NodeJS.ErrnoException & { readonly dest?: string };

const full = (path: string) =>
  `The disk that holds ${path} is full: free some space there, then start again.`;
const forbidden = (path: string) =>
  `${path} cannot be read and written by this user: correct its owner and mode, ` +
  'or set MODELROUTE_DATA_DIR to a folder of this user.';
const notAFolder = (path: string) =>
  `${path} cannot be used as a folder because it, or something above it, is a file: ` +
  'set MODELROUTE_DATA_DIR to another place.';

const folderSentences: Readonly<Record<string, (path: string) => string>> = {
  ENOSPC: full,
  EDQUOT: full,
  EACCES: forbidden,
  EPERM: forbidden,
  EROFS: forbidden,
  ENOTDIR: notAFolder,
  EEXIST: notAFolder,
};
