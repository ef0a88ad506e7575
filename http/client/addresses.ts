/**
 * Which addresses an outbound call may reach.
 *
 * Only global unicast, so that nobody can make us call ourselves, our neighbours or a cloud's
 * metadata service; beside it, the networks that the operator names. The rules follow the IANA
 * special-purpose registries (RFC 6890): IPv4 is everything less the listed ranges, IPv6 is
 * 2000::/3, the only block IANA assigns from, less the listed ranges.
 */

import { BlockList, isIP } from 'node:net';

/** The networks of MODELROUTE_ALLOW_PRIVATE_NETWORKS. */
export interface AllowedNetworks {
  readonly isEmpty: boolean;
  has(address: string): boolean;
}

export type ParsedCidrs =
  | { readonly ok: true; readonly networks: AllowedNetworks }
  | { readonly ok: false; readonly reason: string };

/** `global`: anyone may be called there. `allowed`: only because the operator said so. */
export type AddressVerdict = 'global' | 'allowed' | 'refused';

type Family = 'ipv4' | 'ipv6';

const specialRanges: readonly (readonly [cidr: string, what: string])[] = [
  ['0.0.0.0/8', 'this network'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'carrier-grade NAT, and the metadata service of one cloud'],
  ['127.0.0.0/8', 'loopback'],
  ['168.63.129.16/32', 'the host agent of one cloud, in otherwise public space'],
  ['169.254.0.0/16', 'link-local, and the metadata service of most clouds'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'IETF protocol assignments'],
  ['192.0.2.0/24', 'documentation'],
  ['192.88.99.0/24', 'relays from 6to4'],
  ['192.168.0.0/16', 'private'],
  ['198.18.0.0/15', 'benchmarking'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved, and broadcast'],
  ['2001::/23', 'IETF protocol assignments, Teredo among them'],
  ['2001:db8::/32', 'documentation'],
  ['2002::/16', '6to4, which wraps any IPv4 address'],
  ['3fff::/20', 'documentation'],
];

const special = blockListOf(specialRanges.map(([cidr]) => cidr));
const assignedIpv6 = blockListOf(['2000::/3']);

/** An address with a zone (fe80::1%eth0) names an interface of ours and is never reachable. */
export function addressVerdict(address: string, networks: AllowedNetworks): AddressVerdict {
  const version = address.includes('%') ? 0 : isIP(address);
  if (version === 0) return 'refused';
  if (networks.has(address)) return 'allowed';
  const isAssigned = version === 4 || assignedIpv6.check(address, 'ipv6');
  return isAssigned && !special.check(address, familyOf(version)) ? 'global' : 'refused';
}

/** Reads a comma-separated list of CIDRs; a bare address is a network of one. */
export function parseCidrs(text: string): ParsedCidrs {
  const cidrs = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const bad = cidrs.find((cidr) => splitCidr(cidr) === undefined);
  if (bad !== undefined) {
    const reason = `"${bad}" is not a network such as 10.0.0.0/8, fd00::/8 or 127.0.0.1`;
    return { ok: false, reason };
  }
  const list = blockListOf(cidrs);
  const has = (address: string): boolean => {
    const version = isIP(address);
    return version !== 0 && list.check(address, familyOf(version));
  };
  return { ok: true, networks: { isEmpty: cidrs.length === 0, has } };
}

function blockListOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const network = splitCidr(cidr);
    if (network) list.addSubnet(network.address, network.bits, network.family);
  }
  return list;
}

function splitCidr(cidr: string): { address: string; bits: number; family: Family } | undefined {
  const [, address = '', digits] = /^([0-9a-fA-F.:]+)(?:\/([0-9]{1,3}))?$/.exec(cidr) ?? [];
  const version = isIP(address);
  if (version === 0) return undefined;
  const bitsMax = version === 4 ? 32 : 128;
  const bits = digits === undefined ? bitsMax : Number(digits);
  return bits > bitsMax ? undefined : { address, bits, family: familyOf(version) };
}

function familyOf(version: number): Family {
  return version === 4 ? 'ipv4' : 'ipv6';
}
