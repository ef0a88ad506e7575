import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../../testing/folders.js';
import type { TemporaryFolder } from '../../testing/folders.js';
import { skipOutsideCi } from '../../testing/skip.js';
import { notStarted, quick, specKit } from './testing/kit.js';

const run = promisify(execFile);

/** What `openssl req -x509` is given beside the usual. */
const odd: Record<string, readonly string[]> = {
  'nobody vouches for': [],
  'has a critical extension that nobody knows': [
    ...['-addext', '1.2.3.4.5=critical,ASN1:UTF8String:odd'],
  ],
  'is for another name': ['-addext', 'subjectAltName=DNS:other.example'],
  'may not be a server’s': ['-addext', 'extendedKeyUsage=critical,clientAuth'],
  'signs nobody': ['-addext', 'keyUsage=critical,cRLSign'],
};

describe('outbound certificates', () => {
  const { open, listen } = specKit();
  let folder: TemporaryFolder | undefined;
  before(async function () {
    if (!(await run('openssl', ['version']).catch(() => undefined)))
      return skipOutsideCi(this, 'openssl is not installed');
    folder = await temporaryFolder();
  });
  after(() => folder?.remove());

  for (const [index, [name, options]] of Object.entries(odd).entries())
    it(`records one that ${name} as a failure of the connection`, async () => {
      const [key, cert] = ['key', 'cert'].map((what) => join(folder!.dir, `${index}.${what}`));
      const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      const files = ['-keyout', key!, '-out', cert!, '-subj', '/CN=localhost'];
      await run('openssl', ['req', '-x509', ...made, ...files, ...options]);
      const secured = { key: await readFile(key!), cert: await readFile(cert!) };
      let asked = 0;
      const server = createServer(secured, (_, response) => {
        asked += 1;
        response.end('ok');
      });
      const place = await listen(server);
      const url = `https://localhost:${place.port}/`;
      expect(await open().request(quick(url))).to.deep.equal(notStarted('tls'));
      expect(await open().download(quick(url))).to.deep.equal(notStarted('tls'));
      expect(asked).to.equal(0);
    });
});
