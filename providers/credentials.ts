/**
 * Credentials by what the catalogue says: an environment variable, or a file that may change at any
 * time. A file is looked at once a second at most, and read again where it is another one. One that
 * is away or empty for a moment leaves the credential that was read before in force.
 */
import { readFileSync, statSync } from 'node:fs';
import type { Provider } from '../contracts/catalogue/catalogue.js';

/** Undefined where the provider needs none; `missing` says what is to be mended. */
export type Credential = string | undefined | { readonly missing: string };

export type CredentialOf = (
  provider: Pick<Provider, 'credentialEnv' | 'credentialFile'>,
) => Credential;

interface KnownFile {
  lookedAtMs: number;
  stamp: string;
  secret: string | undefined;
}

const LOOK_EVERY_MS = 1_000;

export function openCredentials(
  fromEnvironment: (name: string) => string | undefined,
): CredentialOf {
  const files = new Map<string, KnownFile>();

  const fromFile = (path: string): Credential => {
    const known = files.get(path) ?? { lookedAtMs: -Infinity, stamp: '', secret: undefined };
    files.set(path, known);
    const nowMs = performance.now();
    if (nowMs - known.lookedAtMs >= LOOK_EVERY_MS) look(path, known, nowMs);
    return known.secret ?? { missing: `the file ${path} holds no credential` };
  };

  return ({ credentialEnv, credentialFile }) => {
    if (credentialFile !== undefined) return fromFile(credentialFile);
    if (credentialEnv === undefined) return undefined;
    const secret = secretIn(fromEnvironment(credentialEnv));
    return secret ?? { missing: `the variable ${credentialEnv} is not set` };
  };
}

function look(path: string, known: KnownFile, nowMs: number): void {
  known.lookedAtMs = nowMs;
  try {
    const { ino, size, mtimeMs } = statSync(path);
    const stamp = `${ino} ${size} ${mtimeMs}`;
    if (stamp === known.stamp) return;
    const secret = secretIn(readFileSync(path, 'utf8'));
    if (secret === undefined) return;
    [known.stamp, known.secret] = [stamp, secret];
  } catch {
    // It is being replaced; what was read before stays in force, and nothing is sent before that.
  }
}

/** Its first line; what no header can carry is no credential. */
function secretIn(text: string | undefined): string | undefined {
  const [line = ''] = text?.trim().split(/\r?\n/, 1) ?? [];
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(line) ? line : undefined;
}
