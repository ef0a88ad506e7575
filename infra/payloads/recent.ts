/**
 * The small payloads that this process wrote lately, answered from memory: an input is read when
 * its execution is dispatched, an output by the caller that waits for it. A ref carries the digest
 * of its bytes, so a payload may be remembered before it is written, and whether or not it is.
 */
import type { PayloadRef } from '../../contracts/events/execution.js';
import { openRecentMap } from '../recent-map.js';
import { SMALL_PAYLOAD_BYTES_MAX, type PayloadStore } from './port.js';

export interface RecentPayloads extends PayloadStore {
  /** The caller does not change `bytes` any more. Larger than small ones are not remembered. */
  remember(ref: PayloadRef, bytes: Buffer): void;
}

interface RecentPayloadsOptions {
  /** Of all that are remembered. */
  readonly bytesMax?: number;
  /** One that another process removes is answered for so long at most. */
  readonly ageMaxMs?: number;
}

interface Remembered {
  readonly sha256: string;
  readonly bytes: Buffer;
}

/** What an entry takes beside its bytes: its ref, its digest, its place. */
const ENTRY_BYTES = 500;

export function openRecentPayloads(
  payloads: PayloadStore,
  { bytesMax = 16 * 1024 * 1024, ageMaxMs = 60_000 }: RecentPayloadsOptions = {},
): RecentPayloads {
  const recent = openRecentMap<string, Remembered>({
    costMax: bytesMax,
    entriesMax: Infinity,
    ageMaxMs,
  });
  return {
    remember({ ref, sha256 }, bytes) {
      if (bytes.length > SMALL_PAYLOAD_BYTES_MAX) return;
      recent.set(ref, { sha256, bytes }, ENTRY_BYTES + bytes.length);
    },
    put: (payload) => payloads.put(payload),
    async get(ref) {
      const remembered = recent.get(ref.ref);
      return remembered?.sha256 === ref.sha256 ? remembered.bytes : payloads.get(ref);
    },
    async remove(ref, bytes) {
      recent.delete(ref);
      await payloads.remove(ref, bytes);
    },
  };
}
