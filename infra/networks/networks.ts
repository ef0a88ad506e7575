/**
 * Addresses and networks, as people write them: IPv4, IPv6, a network with `/bits`. An IPv4 address
 * within IPv6 (`::ffff:203.0.113.7`) is that IPv4 address. A zone (`fe80::1%eth0`) names an
 * interface of the machine that wrote it: addresses are known without it, networks have none.
 */
import ipaddr from 'ipaddr.js';

export interface Networks {
  /** False for what is no address. */
  has(address: string): boolean;
}

interface Network {
  readonly address: ipaddr.IPv4 | ipaddr.IPv6;
  readonly bits: number;
}

/** How many bits of an IPv6 address stand before an IPv4 address within it. */
const MAPPED_BITS = 96;

/** Throws for a text that `networkText` does not know. */
export function openNetworks(texts: readonly string[]): Networks {
  const networks = texts.map((text) => networkOf(text) ?? unknownNetwork(text));
  return {
    has(text) {
      const address = addressOf(text);
      return address !== undefined && networks.some((network) => covers(network, address));
    },
  };
}

/** The shortest form of a network, `203.0.113.0/24`, or of one address; undefined: it is none. */
export function networkText(text: string): string | undefined {
  const network = networkOf(text);
  if (!network) return undefined;
  const { address, bits } = network;
  const plain = address.toString();
  return bits === bitsOf(address) ? plain : `${plain}/${bits}`;
}

/** The shortest form of an address, without a zone; undefined: it is none. */
export const addressText = (text: string): string | undefined => addressOf(text)?.toString();

/** Whether each address of the one network is in the other. False for what is no network. */
export function isNetworkWithin(inner: string, outer: string): boolean {
  const [small, large] = [networkOf(inner), networkOf(outer)];
  return !!small && !!large && small.bits >= large.bits && covers(large, small.address);
}

function addressOf(text: string): Network['address'] | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  const zone = text.indexOf('%');
  const plain = zone < 0 ? text : text.slice(0, zone);
  if (!plain.includes(':') || !ipaddr.IPv6.isValid(plain)) return undefined;
  const address = ipaddr.IPv6.parse(plain);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** What stands behind the bits of a network's address counts for nothing. */
function networkOf(text: string): Network | undefined {
  const [, plain = '', digits] = /^([0-9A-Fa-f:.]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  const address = addressOf(plain);
  if (!address) return undefined;
  const isMapped = address.kind() === 'ipv4' && plain.includes(':');
  const bitsMax = bitsOf(address);
  const bits = digits === undefined ? bitsMax : Number(digits) - (isMapped ? MAPPED_BITS : 0);
  if (bits < 0 || bits > bitsMax) return undefined;
  const bytes = address.toByteArray().map((byte, index) => byte & maskAt(index, bits));
  return { address: ipaddr.fromByteArray(bytes), bits };
}

const maskAt = (index: number, bits: number): number =>
  (0xff << (8 - Math.min(8, Math.max(0, bits - 8 * index)))) & 0xff;

const bitsOf = (address: Network['address']): number => (address.kind() === 'ipv4' ? 32 : 128);

const covers = (network: Network, address: Network['address']): boolean =>
  network.address.kind() === address.kind() && address.match(network.address, network.bits);

function unknownNetwork(text: string): never {
  throw new Error(`${text} is no network`);
}
