/**
 * Which organizations were added, in a memory of fixed size (a Bloom filter, two megabytes once
 * there is one): it may say yes of one that was not, never no of one that was. At a million of them
 * it says so of one in two hundred.
 */
import type { OrganizationId } from '../contracts/ids.js';

export interface KnownOrganizations {
  add(organizationId: OrganizationId): void;
  mayHave(organizationId: OrganizationId): boolean;
}

const BITS = 2 ** 24;

export function openKnownOrganizations(): KnownOrganizations {
  let words: Uint32Array | undefined;
  return {
    add(organizationId) {
      words ??= new Uint32Array(BITS / 32);
      for (const bit of bitsOf(organizationId)) words[bit >>> 5]! |= 1 << (bit & 31);
    },
    mayHave(organizationId) {
      const written = words;
      if (!written) return false;
      return bitsOf(organizationId).every((bit) => (written[bit >>> 5]! >>> (bit & 31)) & 1);
    },
  };
}

/** Where an id's bits are: three parts of its UUID, 24 bits each, none with a version in it. */
function bitsOf(organizationId: OrganizationId): readonly number[] {
  const start = organizationId.indexOf('_') + 1;
  const part = (at: number) => parseInt(organizationId.slice(start + at, start + at + 6), 16);
  return [part(0), part(24), part(30)];
}
