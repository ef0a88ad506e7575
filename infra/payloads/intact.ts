import { hash } from 'node:crypto';
import type { PayloadRef } from '../../contracts/events/execution.js';

/**
 * The bytes, when they are those that the event named. Others are never handed out: what an event
 * says about its payload is part of the proof, so this is damage and not a missing payload.
 */
export function intact(ref: PayloadRef, bytes: Buffer): Buffer {
  if (bytes.length === ref.bytes && hash('sha256', bytes, 'hex') === ref.sha256) return bytes;
  throw new Error(`the payload ${ref.ref} does not match its digest`);
}
