/** JSON stored as a payload, for an event to refer to. */
import { hash } from 'node:crypto';
import type { PayloadRef } from '../contracts/events/execution.js';
import { payloadRefOf } from '../contracts/ids.js';
import type { Payload } from '../infra/event-store/port.js';
import { SMALL_PAYLOAD_BYTES_MAX } from '../infra/payloads/port.js';
import type { RecentPayloads } from '../infra/payloads/recent.js';

interface Stores {
  readonly payloads: RecentPayloads;
  readonly now: () => number;
}

interface StoredPayload {
  readonly ref: PayloadRef;
  /** To be appended together with the event; undefined for one that was too large for that. */
  readonly inline: Payload | undefined;
}

/** JSON about something, e.g. `<execution>/output/<attempt>`. */
export async function storePayload(
  { payloads, now }: Stores,
  about: string,
  organizationId: string,
  value: unknown,
): Promise<StoredPayload> {
  const bytes = Buffer.from(JSON.stringify(value));
  const sha256 = hash('sha256', bytes);
  const ref = { ref: payloadRefOf(now(), about, sha256), sha256, bytes: bytes.length };
  const payload: Payload = { ref: ref.ref, organizationId, bytes };
  if (bytes.length > SMALL_PAYLOAD_BYTES_MAX) {
    await payloads.put(payload);
    return { ref, inline: undefined };
  }
  payloads.remember(ref, bytes);
  return { ref, inline: payload };
}
