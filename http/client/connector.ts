/**
 * Opens the sockets of the outbound client, and is the only place that does.
 *
 * The check and the connection use one and the same answer of the resolver, so a name cannot show
 * one address to the check and another to the socket. An answer with a single address that may
 * not be reached is refused as a whole. TLS still verifies the name, not the address.
 */

import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { addressVerdict } from './addresses.js';
import type { AllowedNetworks } from './addresses.js';
import { withMendedHeads } from './answer-head.js';
import { openTrustedResolver } from './resolve-host.js';
import type { ResolvedAddress, ResolveHost } from './system-lookup.js';
import { isLoopbackName, privateOnlyReason } from './vet-url.js';

/** `code` of an error that says: policy forbids this place. Its message is the reason. */
export const REFUSED = 'OUTBOUND_REFUSED';
/** `code` of an error that says: the name has no address, or nobody would tell. */
export const UNRESOLVED = 'OUTBOUND_UNRESOLVED';

interface ConnectorOptions {
  readonly networks: AllowedNetworks;
  /** Places of ours, by scheme, host and port. */
  readonly origins: readonly string[];
  readonly resolveHost: ResolveHost;
  readonly connectTimeoutMs: number;
}

export function guardedConnector(options: ConnectorOptions): buildConnector.connector {
  const { networks, origins, connectTimeoutMs } = options;
  const connectorFor = (isFit: (address: string) => boolean): buildConnector.connector =>
    withMendedHeads(
      buildConnector({
        lookup: vettedLookup(options, isFit),
        timeout: connectTimeoutMs,
      }),
    );
  const isAllowed = (address: string): boolean => addressVerdict(address, networks) === 'allowed';
  const isReachable = (address: string): boolean => addressVerdict(address, networks) !== 'refused';
  const connectPrivately = connectorFor(isAllowed);
  const connectAnywhere = connectorFor(isReachable);
  const connectToOurs = connectorFor(() => true);

  return (place, callback) => {
    if (origins.includes(originOf(place))) return connectToOurs(place, callback);
    const isPrivateOnly = privateOnlyReason(place) !== undefined;
    const isFit = isPrivateOnly ? isAllowed : isReachable;
    // A socket to a literal address never asks the lookup.
    if (isIP(place.hostname) && !isFit(place.hostname)) {
      process.nextTick(callback, refusal('the address is not one that may be called'), null);
      return;
    }
    (isPrivateOnly ? connectPrivately : connectAnywhere)(place, callback);
  };
}

function vettedLookup(
  { resolveHost }: ConnectorOptions,
  isFit: (address: string) => boolean,
): LookupFunction {
  const addressesFor = async (hostname: string): Promise<readonly ResolvedAddress[]> => {
    const found = isLoopbackName(hostname)
      ? loopback.filter(({ address }) => isFit(address))
      : await resolveHost(hostname).catch((error: Error) => {
          throw coded(UNRESOLVED, error.message);
        });
    if (found.length === 0 || !found.every(({ address }) => isFit(address))) {
      throw refusal('the host name leads to an address that may not be called');
    }
    return found;
  };
  return lookupBy(addressesFor);
}

/** Of configured places: nothing is vetted, and no silent DNS server blocks the process. */
export function trustedConnector(connectTimeoutMs: number): buildConnector.connector {
  const lookup = lookupBy(openTrustedResolver());
  return withMendedHeads(buildConnector({ lookup, timeout: connectTimeoutMs }));
}

const lookupBy =
  (resolveHost: ResolveHost): LookupFunction =>
  (hostname, options, callback) => {
    resolveHost(hostname).then(
      (found) => {
        const [first] = found;
        if (!first) callback(coded(UNRESOLVED, `${hostname} has no address`), '');
        else if (options.all) callback(null, [...found]);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };

function originOf({ protocol, hostname, port }: buildConnector.Options): string {
  const host = isIP(hostname) === 6 ? `[${hostname}]` : hostname;
  return new URL(`${protocol}//${host}${port ? `:${port}` : ''}`).origin;
}

const loopback: readonly ResolvedAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

function refusal(why: string): Error {
  return coded(REFUSED, `The call is refused: ${why}.`);
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
