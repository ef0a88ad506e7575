/** Where a name of the connection string leads to: perhaps to every node of a cluster. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Endpoint } from './connection-string.js';

/** Rejects where nobody knows the name. */
export async function placesOf(seed: Endpoint): Promise<readonly Endpoint[]> {
  const { address: name, port } = seed;
  if (isIP(name) !== 0) return [seed];
  const found = await lookup(name, { all: true });
  return found.length < 2 ? [seed] : found.map(({ address }) => ({ address, port, name }));
}
