/** A certificate of localhost that vouches for itself, made by `openssl`. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Certificate {
  readonly keyFile: string;
  readonly certFile: string;
}

const run = promisify(execFile);

export const canMakeCertificates = (): Promise<boolean> =>
  run('openssl', ['version']).then(
    () => true,
    () => false,
  );

export async function makeCertificate(dir: string): Promise<Certificate> {
  const [keyFile, certFile] = [join(dir, 'server.key'), join(dir, 'server.crt')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', keyFile, '-out', certFile, '-subj', '/CN=localhost'];
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  await run('openssl', ['req', '-x509', ...key, ...files, ...names]);
  return { keyFile, certFile };
}
