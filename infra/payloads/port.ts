/**
 * Payloads: prompts, outputs and other opaque bytes that events refer to. Written before (or with)
 * the event that names them; an orphan is harmless. Small ones may ride in an `AppendUnit`.
 *
 * An implementer promises: `put` is durable when it resolves, repeating it with the same ref keeps
 * the first bytes; `get` answers exactly the bytes, checked against their SHA-256, or undefined.
 */
import type { PayloadRef } from '../../contracts/events/execution.js';
import type { Payload } from '../event-store/port.js';
import type { Sweepable } from '../sweepable.js';

/** Larger ones do not ride in the events' group commit. */
export const SMALL_PAYLOAD_BYTES_MAX = 64 * 1024;

export interface PayloadStore {
  put(payload: Payload): Promise<void>;
  get(ref: PayloadRef): Promise<Buffer | undefined>;
  /** `bytes`: of the contents, where they are known; then only their tier is asked. */
  remove(ref: string, bytes?: number): Promise<void>;
}

/** A store as adapters are: what it answers is what was put, and is not looked at. */
export type StoredPayloads = PayloadStore;

/** What is stored is longer than the contents by so much at most. */
export const STORED_BEYOND_MAX = 64;

/** Large payloads are stored before the event that names them; names are `payloadName` of refs. */
export type LargePayloads = StoredPayloads & Sweepable<string>;
