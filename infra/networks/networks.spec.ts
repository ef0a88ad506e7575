import { expect } from 'chai';
import fc from 'fast-check';
import { addressText, isNetworkWithin, networkText, openNetworks } from './networks.js';

describe('networks', () => {
  it('have one shortest form', () => {
    const forms: readonly [string, string][] = [
      ['203.0.113.7', '203.0.113.7'],
      ['203.0.113.7/32', '203.0.113.7'],
      ['203.0.113.7/24', '203.0.113.0/24'],
      ['203.0.113.255/25', '203.0.113.128/25'],
      ['0.0.0.0/0', '0.0.0.0/0'],
      ['::ffff:203.0.113.7', '203.0.113.7'],
      ['::FFFF:cb00:7107', '203.0.113.7'],
      ['::ffff:203.0.113.7/120', '203.0.113.0/24'],
      ['2001:DB8:0:0::1', '2001:db8::1'],
      ['2001:db8::1/128', '2001:db8::1'],
      ['2001:db8:1234:5678::9/33', '2001:db8::/33'],
      ['::/0', '::/0'],
      ['::1', '::1'],
    ];
    for (const [given, shortest] of forms) {
      expect(networkText(given), given).to.equal(shortest);
      expect(networkText(shortest), shortest).to.equal(shortest);
    }
  });

  it('are nothing else', () => {
    const wrong = ['', ' ', '*', 'localhost', '203.0.113', '203.0.113.7/33', '203.0.113.7/-1'];
    const inOtherBases = ['0x7f.1', '127.1', '2130706433', '010.0.0.1', '1.2.3.4.5', '1.2.3.256'];
    const ipv6 = ['2001:db8::/129', ':::', '::1::', '1:2:3:4:5:6:7:8:9', 'fe80::1%eth0', '[::1]'];
    const bits = ['::ffff:1.2.3.4/95', '1.2.3.4/', '1.2.3.4/08', '1.2.3.4/8/8', '1.2.3.4/+8'];
    const spaces = [' 1.2.3.4', '1.2.3.4\n', '1.2.3.4,5.6.7.8', '1.2.3.4:80', '١.2.3.4'];
    for (const text of [...wrong, ...inOtherBases, ...ipv6, ...bits, ...spaces]) {
      expect(networkText(text), text).to.equal(undefined);
      expect(() => openNetworks([text]), text).to.throw('is no network');
    }
  });

  it('have the addresses within them, however these are written', () => {
    const networks = openNetworks(['203.0.113.0/24', '2001:db8::/32', '198.51.100.7']);
    const within = ['203.0.113.0', '203.0.113.255', '::ffff:203.0.113.9', '198.51.100.7'];
    for (const address of [...within, '::ffff:cb00:7109', '2001:DB8::1', '2001:db8::1%eth0'])
      expect(networks.has(address), address).to.equal(true);
    const without = ['203.0.114.0', '198.51.100.8', '2001:db9::', '::cb00:7109', '::', '0.0.0.0'];
    for (const address of [...without, '', 'unknown', '203.0.113.1:80', '64:ff9b::203.0.113.1'])
      expect(networks.has(address), address).to.equal(false);
    expect(openNetworks(['::/0']).has('203.0.113.1')).to.equal(false);
    expect(openNetworks(['0.0.0.0/0']).has('2001:db8::1')).to.equal(false);
    expect(openNetworks([]).has('203.0.113.1')).to.equal(false);
  });

  it('are within one another', () => {
    expect(isNetworkWithin('203.0.113.0/25', '203.0.113.0/24')).to.equal(true);
    expect(isNetworkWithin('203.0.113.0/24', '203.0.113.0/24')).to.equal(true);
    expect(isNetworkWithin('203.0.113.0/24', '203.0.113.0/25')).to.equal(false);
    expect(isNetworkWithin('203.0.114.0/24', '203.0.113.0/24')).to.equal(false);
    expect(isNetworkWithin('10.0.0.0/8', '::/0')).to.equal(false);
    expect(isNetworkWithin('nothing', '::/0')).to.equal(false);
  });

  it('have exactly the addresses that begin with their bits', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    const bytes = fc.oneof(fc.array(byte, { minLength: 4, maxLength: 4 }), sixteen(byte));
    const bitsIn = (length: number) => fc.integer({ min: 0, max: 8 * length });
    const cases = bytes.chain((own) => fc.tuple(fc.constant(own), bitsIn(own.length), byte));
    fc.assert(
      fc.property(cases, ([own, bits, flip]) => {
        const at = flip % (8 * own.length);
        const other = own.map((value, index) =>
          index === at >> 3 ? value ^ (0x80 >> (at % 8)) : value,
        );
        const networks = openNetworks([`${textOf(own)}/${bits}`]);
        expect(networks.has(textOf(own))).to.equal(true);
        expect(networks.has(textOf(other))).to.equal(at >= bits);
      }),
    );
  });

  it('leave an address without its zone', () => {
    expect(addressText('fe80::1%eth0')).to.equal('fe80::1');
    expect(addressText('::ffff:127.0.0.1')).to.equal('127.0.0.1');
    expect(addressText('127.0.0.1')).to.equal('127.0.0.1');
    expect(addressText('unix:')).to.equal(undefined);
  });
});

/** Of IPv6, and not an IPv4 address within it. */
const sixteen = (byte: fc.Arbitrary<number>) =>
  fc.array(byte, { minLength: 15, maxLength: 15 }).map((rest) => [0x20, ...rest]);

const textOf = (bytes: readonly number[]): string =>
  bytes.length === 4
    ? bytes.join('.')
    : Array.from({ length: 8 }, (_, at) =>
        (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16),
      ).join(':');
