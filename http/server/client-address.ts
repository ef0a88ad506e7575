/**
 * From where a request comes. A peer that the operator trusts to say so, a balancer, names in
 * `X-Forwarded-For` whom it speaks for:
 *
 *   X-Forwarded-For: <what the caller wrote>, <caller>, <proxy>      peer: <the proxy next to us>
 *                                             └── the first from the right that is not trusted
 *
 * What stands further left was written by that caller, and counts for nothing. Where the chain
 * names no address, nobody knows who asks, and the answer is an empty text.
 */
import type { IncomingMessage } from 'node:http';
import { addressText, type Networks } from '../../infra/networks/networks.js';

type Asked = Pick<IncomingMessage, 'headers'> & {
  readonly socket: { readonly remoteAddress?: string | undefined };
};

/** Without a zone, and IPv4 as such also where the socket is one of IPv6. */
export function clientAddress(incoming: Asked, proxies: Networks | undefined): string {
  const peer = peerAddress(incoming.socket);
  if (!proxies?.has(peer)) return peer;
  const chain = [incoming.headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
  let client = peer;
  for (const part of chain.reverse()) {
    const text = part.trim();
    // An empty part is none: RFC 9110 lets lists have them.
    if (text === '') continue;
    const address = addressText(withoutPort(text));
    if (address === undefined) return '';
    client = address;
    if (!proxies.has(address)) return client;
  }
  return client;
}

/** Of the other end of the connection, a proxy's where there is one. */
export const peerAddress = ({ remoteAddress = '' }: Asked['socket']): string =>
  plain(remoteAddress);

const MAPPED = '::ffff:';

/** Without the cost of reading it, for what most sockets have. */
const plain = (address: string): string => {
  if (!address.includes(':')) return address;
  if (address.startsWith(MAPPED) && address.includes('.')) return address.slice(MAPPED.length);
  return addressText(address) ?? '';
};

/** Some balancers name the port too: `203.0.113.7:4711`, `[2001:db8::1]:4711`. */
function withoutPort(text: string): string {
  const [, address] = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text) ?? [];
  return address ?? text.replace(/^([\d.]+):\d{1,5}$/, '$1');
}
