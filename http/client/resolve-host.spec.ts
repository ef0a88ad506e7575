import { expect } from 'chai';
import { openResolver, openTrustedResolver } from './resolve-host.js';
import type { ResolveHost } from './system-lookup.js';

const failing =
  (code: string): ResolveHost =>
  () =>
    Promise.reject(Object.assign(new Error(code), { code }));
const finding =
  (address: string): ResolveHost =>
  () =>
    Promise.resolve([{ address, family: 4 }]);

describe('resolving a host', () => {
  const isOwn = (hostname: string) => !hostname.includes('.');
  const lookups = { system: finding('1.1.1.1'), ownSystem: finding('10.0.0.1') };
  const found = (find: ResolveHost, hostname: string) =>
    find(hostname).then(
      ([first]) => first?.address,
      (error: NodeJS.ErrnoException) => error.code,
    );

  it('asks DNS first, and the system for what DNS does not know', async () => {
    const known = openResolver(isOwn, { ...lookups, dns: finding('8.8.8.8') });
    expect(await found(known, 'a.example')).to.equal('8.8.8.8');
    for (const code of ['ENOTFOUND', 'ENODATA', 'ECONNREFUSED']) {
      const unknown = openResolver(isOwn, { ...lookups, dns: failing(code) });
      expect(await found(unknown, 'a.example')).to.equal('1.1.1.1');
    }
  });

  it('never asks the system for a name of others whose DNS is silent or ill', async () => {
    for (const code of ['ETIMEOUT', 'ESERVFAIL', 'EREFUSED', 'EBADRESP', '']) {
      const ill = openResolver(isOwn, { ...lookups, dns: failing(code) });
      expect(await found(ill, 'a.example')).to.equal(code);
      expect(await found(ill, 'receiver'), 'a name of this network').to.equal('10.0.0.1');
    }
  });

  it('asks the system first for what is configured, and DNS when it has no answer', async () => {
    const dns = finding('8.8.8.8');
    const told = openTrustedResolver({ dns, system: finding('10.0.0.9') });
    expect(await found(told, 'api.example')).to.equal('10.0.0.9');
    const silent = openTrustedResolver({ dns, system: failing('EAI_AGAIN') });
    expect(await found(silent, 'api.example')).to.equal('8.8.8.8');
  });
});
