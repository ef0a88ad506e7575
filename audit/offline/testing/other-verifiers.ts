/** The verifiers of docs/audit that are not ours, where this machine can run them. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../../testing/child-process.js';

/** Answers what it prints, whether it is content or not. */
type OtherVerifier = (file: string, vkey: string) => Promise<string>;

const run = promisify(execFile);
const FOLDER = join(repositoryRoot, 'docs/audit');
const BUILD_MS = 120_000;

/** A reason instead, where it cannot be run. */
export const otherVerifiers = {
  async Python(): Promise<OtherVerifier | string> {
    const hasPackage = await succeeds('python3', ['-c', 'import cryptography']);
    if (!hasPackage) return 'python3 with the package cryptography is not here';
    return (file, vkey) => printed('python3', [join(FOLDER, 'verify.py'), file, vkey]);
  },

  async Go(folder: string): Promise<OtherVerifier | string> {
    const program = join(folder, 'verifier');
    const isBuilt = await succeeds('go', ['build', '-o', program, '.'], join(FOLDER, 'verifier'));
    if (!isBuilt) return 'go is not here, or cannot fetch the packages of the verifier';
    return (file, vkey) => printed(program, [file, vkey]);
  },
};

const succeeds = (program: string, args: readonly string[], cwd = FOLDER): Promise<boolean> =>
  run(program, [...args], { cwd, timeout: BUILD_MS }).then(
    () => true,
    () => false,
  );

async function printed(program: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run(program, [...args]).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  );
  return `${stdout}${stderr}`;
}
