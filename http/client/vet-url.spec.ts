import { expect } from 'chai';
import { parseCidrs } from './addresses.js';
import type { AllowedNetworks } from './addresses.js';
import { vetUrl } from './vet-url.js';

const nothing = networks('');
const loopback = networks('127.0.0.0/8');

const address = 'its address is not a public one';
const name = 'its host name is not a public one';
const begin = 'it does not begin with https://';
const character = 'it holds a space, a control or a non-ASCII character';
const login = 'it carries a user name or password';
const ports = 'only ports 443 and 8443 are allowed';
const invalid = 'it is not a valid URL';

/** What nobody may submit where no network is allowed, and why. */
const refused: [url: string, reason: string][] = [
  ['', begin],
  ['example.com', begin],
  ['//example.com/', begin],
  ['ftp://example.com/', begin],
  ['file:///etc/passwd', begin],
  ['gopher://example.com/', begin],
  ['javascript:alert(1)', begin],
  ['data:text/plain,x', begin],
  ['https:example.com', begin],
  ['https:///example.com', begin],
  ['http://example.com/', 'only https: is allowed'],
  ['http://1.1.1.1/', 'only https: is allowed'],
  ['https://user@example.com/', login],
  ['https://user:secret@example.com/', login],
  ['https://@example.com/', login],
  ['https://example.com\\@127.0.0.1/', character],
  ['https://example.com/\r\nHost:x', character],
  ['https://exa\tmple.com/', character],
  ['https://example.com/ a', character],
  [' https://example.com/', character],
  ['https://example.com/\0', character],
  ['https://example.com/é', character],
  ['https://１２７.0.0.1/', character],
  ['https://127。0。0。1/', character],
  ['https://exa%00mple.com/', invalid],
  ['https://[::1/', invalid],
  ['https://[fe80::1%25eth0]/', invalid],
  ['https://1.2.3.4.5/', invalid],
  ['https://256.0.0.1/', invalid],
  ['https://example.com:99999/', invalid],
  ['https://example.com./', 'its host ends with a dot'],
  ['https://localhost./', 'its host ends with a dot'],
  ['https://localhost/', 'its host is this machine'],
  ['https://LOCALHOST/', 'its host is this machine'],
  ['https://a.localhost/', 'its host is this machine'],
  ['https://intranet/', name],
  ['https://printer.local/', name],
  ['https://metadata.google.internal/', name],
  ['https://router.home.arpa/', name],
  ['https://example.com:22/', ports],
  ['https://example.com:80/', ports],
  ['https://example.com:6379/', ports],
  ['https://1.1.1.1:9200/', ports],
  ['https://127.0.0.1/', address],
  ['https://127.0.0.1./', address],
  ['https://127.1/', address],
  ['https://0x7f.1/', address],
  ['https://0x7f000001/', address],
  ['https://2130706433/', address],
  ['https://017700000001/', address],
  ['https://0177.0.0.1/', address],
  ['https://%31%32%37.0.0.1/', address],
  ['https://0/', address],
  ['https://0.0.0.0/', address],
  ['https://10.0.0.1/', address],
  ['https://100.64.0.1/', address],
  ['https://169.254.169.254/latest/meta-data/', address],
  ['https://0xa9fea9fe/', address],
  ['https://2852039166/', address],
  ['https://172.16.0.1/', address],
  ['https://192.0.0.192/', address],
  ['https://192.168.1.1/', address],
  ['https://198.18.0.1/', address],
  ['https://224.0.0.1/', address],
  ['https://255.255.255.255/', address],
  ['https://[::]/', address],
  ['https://[::1]/', address],
  ['https://[0:0:0:0:0:0:0:1]/', address],
  ['https://[::127.0.0.1]/', address],
  ['https://[::ffff:127.0.0.1]/', address],
  ['https://[::ffff:7f00:1]/', address],
  ['https://[::ffff:8.8.8.8]/', address],
  ['https://[64:ff9b::127.0.0.1]/', address],
  ['https://[64:ff9b:1::1]/', address],
  ['https://[2001:0:4136::1]/', address],
  ['https://[2002:7f00:1::]/', address],
  ['https://[2001:db8::1]/', address],
  ['https://[fc00::1]/', address],
  ['https://[fd00:ec2::254]/', address],
  ['https://[fe80::1]/', address],
  ['https://[ff02::1]/', address],
];

describe('vetUrl', () => {
  for (const [url, reason] of refused) {
    it(`refuses ${JSON.stringify(url)}`, () => {
      expect(vetUrl(url, nothing)).to.deep.equal({
        ok: false,
        reason: `The URL is refused: ${reason}.`,
      });
    });
  }

  it('accepts https on the public internet', () => {
    const urls = [
      ...['https://example.com/', 'https://example.com:8443/hook?a=b#c', 'https://1.1.1.1/'],
      ...[
        'HTTPS://EXAMPLE.COM:443/',
        'https://[2606:4700:4700::1111]/',
        'https://xn--bcher-kva.de/',
      ],
      ...['https://hooks.example.com/a%20b/@user', 'https://127.0.0.1.example.com/'],
    ];
    for (const url of urls) {
      expect(vetUrl(url, nothing)).to.deep.equal({ ok: true, url: new URL(url) });
    }
  });

  it('bounds the length of a URL and of its host', () => {
    const path = (length: number): string => 'https://example.com/'.padEnd(length, 'a');
    expect(vetUrl(path(2048), nothing).ok).to.equal(true);
    expect(vetUrl(path(2049), nothing).ok).to.equal(false);
    expect(vetUrl(`https://${'a.'.repeat(127)}com/`, nothing).ok).to.equal(false);
  });

  it('accepts http and any port on an address that the operator allows', () => {
    const urls = [
      ...['http://127.0.0.1:9999/hook', 'https://127.0.0.1:1/', 'http://2130706433/'],
      ...['http://localhost:9999/', 'https://a.localhost:8080/', 'http://[::ffff:127.0.0.1]/'],
    ];
    for (const url of urls) {
      expect(vetUrl(url, loopback)).to.deep.equal({ ok: true, url: new URL(url) });
    }
  });

  it('leaves names to the connection once some network is allowed', () => {
    for (const url of ['http://receiver:9000/', 'http://example.com/', 'https://example.com:22/']) {
      expect(vetUrl(url, loopback)).to.deep.equal({ ok: true, url: new URL(url) });
    }
  });

  it('still refuses other private addresses, and http on public ones', () => {
    const urls = ['http://10.0.0.1/', 'https://[::1]/', 'http://1.1.1.1/', 'https://1.1.1.1:22/'];
    expect(urls.map((url) => vetUrl(url, loopback).ok)).to.deep.equal([false, false, false, false]);
    expect(vetUrl('http://localhost/', networks('10.0.0.0/8')).ok).to.equal(false);
  });
});

function networks(text: string): AllowedNetworks {
  const parsed = parseCidrs(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.networks;
}
