import { expect } from 'chai';
import { openNetworks } from '../../infra/networks/networks.js';
import { clientAddress } from './client-address.js';

const proxies = openNetworks(['10.0.0.0/8', '2001:db8:10::/48', '127.0.0.1']);

const from = (remoteAddress: string | undefined, forwarded?: string | string[]) =>
  clientAddress(
    {
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
      socket: { remoteAddress },
    },
    proxies,
  );

describe('the address of a client', () => {
  it('is the peer where no proxy is trusted, whatever it writes', () => {
    const socket = { remoteAddress: '10.0.0.1' };
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    expect(clientAddress({ headers, socket }, undefined)).to.equal('10.0.0.1');
    expect(from('198.51.100.1', '203.0.113.7')).to.equal('198.51.100.1');
    expect(from('::ffff:198.51.100.1', '10.0.0.1')).to.equal('198.51.100.1');
    expect(from('fe80::1%eth0')).to.equal('fe80::1');
    expect(from('::1')).to.equal('::1');
    expect(from(undefined)).to.equal('');
  });

  it('is the first from the right that is no trusted proxy', () => {
    expect(from('10.0.0.1', '203.0.113.7')).to.equal('203.0.113.7');
    expect(from('::ffff:10.0.0.1', '203.0.113.7')).to.equal('203.0.113.7');
    expect(from('2001:db8:10::9', '198.51.100.1, 203.0.113.7,10.1.2.3')).to.equal('203.0.113.7');
    expect(from('10.0.0.1', '10.0.0.9, 203.0.113.7')).to.equal('203.0.113.7');
    expect(from('10.0.0.1', ['1.1.1.1', '203.0.113.7'])).to.equal('203.0.113.7');
    expect(from('10.0.0.1', '2001:DB8:0::7, ::ffff:10.0.0.5')).to.equal('2001:db8::7');
  });

  it('is the outermost of those that are all trusted', () => {
    expect(from('10.0.0.1')).to.equal('10.0.0.1');
    expect(from('10.0.0.1', '')).to.equal('10.0.0.1');
    expect(from('10.0.0.1', ' , ,')).to.equal('10.0.0.1');
    expect(from('10.0.0.1', '10.0.0.3, 10.0.0.2')).to.equal('10.0.0.3');
  });

  it('stands without port and brackets', () => {
    expect(from('10.0.0.1', '203.0.113.7:4711')).to.equal('203.0.113.7');
    expect(from('10.0.0.1', '[2001:db8::7]:4711')).to.equal('2001:db8::7');
    expect(from('10.0.0.1', '[2001:db8::7]')).to.equal('2001:db8::7');
  });

  it('is unknown behind what is no address', () => {
    const wrong = ['unknown', '_hidden', '203.0.113', '203.0.113.7:x', '[203.0.113.7', '1.2.3.4;'];
    for (const text of wrong) {
      expect(from('10.0.0.1', text), text).to.equal('');
      expect(from('10.0.0.1', `10.0.0.5, ${text}, 10.0.0.4`), text).to.equal('');
      expect(from('10.0.0.1', `${text}, 203.0.113.7`), text).to.equal('203.0.113.7');
    }
  });

  it('is found quickly in a header of any length', () => {
    const started = performance.now();
    expect(from('10.0.0.1', `${'10.0.0.2,'.repeat(1_700)}10.0.0.3`)).to.equal('10.0.0.2');
    expect(from('10.0.0.1', `${','.repeat(16_000)}`)).to.equal('10.0.0.1');
    expect(performance.now() - started).to.be.below(500);
  });
});
