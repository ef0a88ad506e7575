import { expect } from 'chai';
import { addressVerdict, parseCidrs } from './addresses.js';
import type { AllowedNetworks } from './addresses.js';

const none = networks('');

const refused = [
  ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.127.255.255'],
  ...['100.100.100.200', '127.0.0.1', '127.255.255.254', '169.254.0.1', '169.254.169.254'],
  ...['172.16.0.1', '172.31.255.255', '192.0.0.1', '192.0.0.192', '192.0.2.1', '192.88.99.1'],
  ...['192.168.0.1', '192.168.255.255', '198.18.0.1', '198.19.255.255', '198.51.100.1'],
  ...['203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
  ...['168.63.129.16', '::', '::1', '::127.0.0.1', '::8.8.8.8', '::ffff:127.0.0.1'],
  ...['::ffff:8.8.8.8', '::ffff:7f00:1', '::ffff:0:127.0.0.1', '64:ff9b::7f00:1'],
  ...['64:ff9b::8.8.8.8', '64:ff9b:1::1', '100::1', '2001::1', '2001:0:4136:e378:8000::'],
  ...['2001:10::1', '2001:20::1', '2001:2::1', '2001:db8::1', '2002:7f00:1::', '2002::1'],
  ...['3fff::1', '5f00::1', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'febf::1', 'fec0::1'],
  ...['ff02::1', 'ff0e::1', 'fe80::1%eth0', '2606:4700::1111%eth0', '4000::1'],
  ...['', 'example.com', '127.1', '0x7f000001', '2130706433', '8.8.8.8/32', '[::1]'],
];

const global = [
  ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0'],
  ...['126.255.255.255', '128.0.0.0', '169.253.255.255', '169.255.0.0', '172.15.255.255'],
  ...['172.32.0.0', '192.0.1.0', '192.167.255.255', '192.169.0.0', '198.17.255.255'],
  ...['198.20.0.0', '223.255.255.255', '168.63.129.15', '2001:200::1', '2001:4860:4860::8888'],
  ...['2606:4700:4700::1111', '2a00:1450:4001:82a::200e', '3ffe:ffff::1'],
];

describe('addressVerdict', () => {
  for (const address of refused) {
    it(`refuses ${address || 'nothing'}`, () => {
      expect(addressVerdict(address, none)).to.equal('refused');
    });
  }

  it('lets global unicast pass, up to the edges of every special range', () => {
    for (const address of global) {
      expect([address, addressVerdict(address, none)]).to.deep.equal([address, 'global']);
    }
  });

  it('lets pass what the operator allows, and nothing beside it', () => {
    const some = networks(' 127.0.0.0/8, 10.1.2.3 ,fd00::/8,');
    const verdicts = ['127.0.0.2', '10.1.2.3', '10.1.2.4', 'fd12::1', 'fc12::1', '::1', '1.1.1.1'];
    expect(verdicts.map((address) => addressVerdict(address, some))).to.deep.equal([
      ...['allowed', 'allowed', 'refused', 'allowed', 'refused', 'refused', 'global'],
    ]);
  });
});

describe('parseCidrs', () => {
  it('reads an empty list', () => {
    expect([none.isEmpty, networks(' , ').isEmpty, networks('::1').isEmpty]).to.deep.equal([
      ...[true, true, false],
    ]);
  });

  for (const bad of ['10.0.0.0/33', '::/129', '10.0.0/8', 'localhost', '10.0.0.0/', '1.2.3.4/-1']) {
    it(`names ${bad} as the bad one`, () => {
      expect(parseCidrs(`127.0.0.0/8, ${bad}`)).to.deep.equal({
        ok: false,
        reason: `"${bad}" is not a network such as 10.0.0.0/8, fd00::/8 or 127.0.0.1`,
      });
    });
  }
});

function networks(text: string): AllowedNetworks {
  const parsed = parseCidrs(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.networks;
}
