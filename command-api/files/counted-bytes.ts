/** Bytes that are taken from an organization's storage quota while they come. */
import { Readable } from 'node:stream';
import type { OrganizationId } from '../../contracts/ids.js';
import { isOutage } from '../../infra/event-store/outage.js';
import type { Position } from '../../infra/event-store/port.js';
import type { StoredBytes } from '../../infra/read-store/stored-bytes.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';

export interface CountedBytes {
  /** Breaks with a `Refusal` where the quota ends. */
  readonly bytes: Readable;
  /** They are named by an event at or before `position`; nothing was, without one. Called once. */
  done(position: Position | undefined): void;
}

interface Quota {
  readonly storedBytes: StoredBytes;
  readonly organizationId: OrganizationId;
  readonly bytesMax: number;
}

const STEP_BYTES = 8 * 1024 * 1024;

/** What is announced is reserved at once, the rest as it comes. Throws a `Refusal`. */
export function countBytes(
  body: Readable,
  announced: number | undefined,
  quota: Quota,
): CountedBytes {
  const { storedBytes, organizationId, bytesMax } = quota;
  let reserved = 0;
  let came = 0;
  const reserve = (more: number) => {
    if (!storedBytes.reserve(organizationId, more, bytesMax)) throw refused('StorageQuotaExceeded');
    reserved += more;
  };
  if (announced !== undefined) reserve(announced);
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      came += chunk.length;
      if (came > reserved) reserve(Math.max(STEP_BYTES, came - reserved));
      yield chunk;
    }
  }
  return {
    bytes: Readable.from(counted(), { objectMode: false }),
    done(position) {
      if (position === undefined) return storedBytes.release(organizationId, reserved);
      storedBytes.release(organizationId, reserved - came);
      storedBytes.landed(organizationId, came, position);
    },
  };
}

/** The same of bytes that lie somewhere already. Throws a `Refusal`. */
export function reserveBytes(
  bytes: number,
  { storedBytes, organizationId, bytesMax }: Quota,
): Pick<CountedBytes, 'done'> {
  if (!storedBytes.reserve(organizationId, bytes, bytesMax)) throw refused('StorageQuotaExceeded');
  return {
    done(position) {
      if (position === undefined) storedBytes.release(organizationId, bytes);
      else storedBytes.landed(organizationId, bytes, position);
    },
  };
}

/**
 * The head of the log is at or behind the event that names the bytes. Where it cannot be read, they
 * are counted as soon as the projection has seen that event.
 */
export async function settleBytes(
  { store }: Pick<Commands, 'store'>,
  counted: Pick<CountedBytes, 'done'>,
  isRecorded: boolean,
): Promise<void> {
  if (!isRecorded) return counted.done(undefined);
  const head = await store.head().catch((error: unknown) => {
    if (!isOutage(error)) throw error;
    return undefined;
  });
  counted.done(head);
}
