/**
 * Judges a URL that somebody else chose, before anything is resolved or connected.
 *
 * A URL for the public internet is `https:` on port 443 or 8443, with a name that can be public.
 * Anything else (`http:`, another port, a single-label name, `localhost`) is private business: it
 * needs an operator who allows some network, and then the connection is made only to addresses in
 * it. What a name resolves to is judged when the connection is made, never here.
 */

import { isIP } from 'node:net';
import { LRUCache } from 'lru-cache';
import { addressVerdict } from './addresses.js';
import type { AllowedNetworks } from './addresses.js';

export type VettedUrl =
  | { readonly ok: true; readonly url: URL }
  | { readonly ok: false; readonly reason: string };

const URL_LENGTH_MAX = 2048;
const NAME_LENGTH_MAX = 253;
const publicPorts: readonly string[] = ['', '443', '8443'];
/** Suffixes that no public name has (RFC 6761, 6762, 8375, and ICANN's private-use domain). */
const privateSuffixes: readonly string[] = ['.local', '.internal', '.home.arpa', '.onion'];

/**
 * Call it when a URL is submitted; the client calls it again for every request. `origins` are
 * places of ours, by scheme, host and port: they are fit wherever they are.
 */
export function vetUrl(
  text: string,
  networks: AllowedNetworks,
  origins: readonly string[] = [],
  lengthMax = URL_LENGTH_MAX,
): VettedUrl {
  if (text.length > lengthMax) return no(`it is longer than ${lengthMax} characters`);
  // The WHATWG parser drops or rewrites these silently, and then two readers see two URLs.
  if (/[^\x21-\x7e]|\\/.test(text))
    return no('it holds a space, a control or a non-ASCII character');
  if (!/^https?:\/\/[^/]/i.test(text)) return no('it does not begin with https://');
  if (/^[^/]*\/\/[^/?#]*@/.test(text)) return no('it carries a user name or password');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url) return no('it is not a valid URL');
  const hostname = hostnameOf(url);
  if (hostname.endsWith('.')) return no('its host ends with a dot');
  if (hostname.length > NAME_LENGTH_MAX) return no('its host name is too long');
  if (origins.includes(url.origin)) return { ok: true, url };
  const refusal = isIP(hostname)
    ? literalRefusal(url, hostname, networks)
    : nameRefusal(url, hostname, networks);
  return refusal === undefined ? { ok: true, url } : no(refusal);
}

/** Of 2 KB each at most. */
const REMEMBERED_MAX = 5_000;

/** `vetUrl` for the same networks and places each time; what is fit is remembered. */
export function openVetting(
  networks: AllowedNetworks,
  origins: readonly string[],
): (text: string) => VettedUrl {
  const fit = new LRUCache<string, VettedUrl>({ max: REMEMBERED_MAX });
  return (text) => {
    const known = fit.get(text);
    if (known) return known;
    const vetted = vetUrl(text, networks, origins);
    if (vetted.ok) fit.set(text, vetted);
    return vetted;
  };
}

/** The host as a resolver or socket wants it: an IPv6 literal without its brackets. */
function hostnameOf(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

/** Why this place can only be in a network that the operator allows; undefined when it need not. */
export function privateOnlyReason(
  place: Readonly<{ protocol: string; hostname: string; port: string }>,
): string | undefined {
  if (place.protocol !== 'https:') return 'only https: is allowed';
  if (!publicPorts.includes(place.port)) return 'only ports 443 and 8443 are allowed';
  if (isIP(place.hostname)) return undefined;
  return isPrivateName(place.hostname) ? 'its host name is not a public one' : undefined;
}

/** Whether no name server of the public internet has a say in it. */
export const isPrivateName = (hostname: string): boolean =>
  isLoopbackName(hostname) ||
  !hostname.includes('.') ||
  privateSuffixes.some((suffix) => hostname.endsWith(suffix));

/** RFC 6761: these names are loopback by definition, and DNS has no say in them. */
export function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost');
}

/** The parser has already brought every notation (0x7f.1, 2130706433, ::ffff:…) into one form. */
function literalRefusal(url: URL, address: string, networks: AllowedNetworks): string | undefined {
  const verdict = addressVerdict(address, networks);
  if (verdict === 'refused') return 'its address is not a public one';
  if (verdict === 'allowed') return undefined;
  return privateOnlyReason({ protocol: url.protocol, hostname: address, port: url.port });
}

function nameRefusal(url: URL, hostname: string, networks: AllowedNetworks): string | undefined {
  if (isLoopbackName(hostname)) {
    const isAllowed = networks.has('127.0.0.1') || networks.has('::1');
    return isAllowed ? undefined : 'its host is this machine';
  }
  return networks.isEmpty ? privateOnlyReason(url) : undefined;
}

function no(reason: string): VettedUrl {
  return { ok: false, reason: `The URL is refused: ${reason}.` };
}
