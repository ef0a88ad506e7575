/** Under which addresses others reach this system. */
import { isIP } from 'node:net';
import type { Config } from '../infra/config/config.js';

export interface Addresses {
  /** Base of callbacks and of the URLs to which files are uploaded; no slash at its end. */
  readonly publicUrl: string;
  /** Base of the links by which files are downloaded. */
  readonly filesUrl: string;
  /** Called once the port is known, before the first request. */
  listensOn(port: number): void;
}

type Given = Pick<Config, 'port' | 'publicUrl' | 'filesUrl'>;

/** What is not configured follows from the port on which this process listens. */
export function openAddresses({ port, publicUrl: given, filesUrl }: Given): Addresses {
  let publicUrl = given ?? ownUrl(port);
  return {
    get publicUrl() {
      return publicUrl;
    },
    get filesUrl() {
      return filesUrl ?? publicUrl;
    },
    listensOn(actual) {
      publicUrl = given ?? ownUrl(actual);
    },
  };
}

const ownUrl = (port: number): string => `http://127.0.0.1:${port}`;

/** Whether a provider at that URL reaches us. */
export function isReachedFrom(
  { publicUrl }: Pick<Addresses, 'publicUrl'>,
  baseUrl: string,
): boolean {
  // Who is reached by TLS alone does not come in the clear.
  if (baseUrl.startsWith('https:')) return publicUrl.startsWith('https:') && !isLoopback(publicUrl);
  return !isLoopback(publicUrl) || isLoopback(baseUrl);
}

/** Whether only this machine reaches the URL. */
function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true;
  if (hostname.startsWith('['))
    return /^\[(::1?|::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4})\]$/.test(hostname);
  return isIP(hostname) === 4 && /^(127|0)\./.test(hostname);
}
