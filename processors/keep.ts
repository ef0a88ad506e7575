/** JSON kept by reference, on its way into an event. */
import { createHash } from 'node:crypto';
import type { PayloadRef } from '../contracts/events/execution.js';
import { payloadRefOf } from '../contracts/ids.js';
import type { Payload } from '../infra/event-store/port.js';
import type { Infra } from '../runtime/infra.js';
import { SMALL_PAYLOAD_BYTES_MAX } from '../infra/payloads/port.js';

interface Kept {
  readonly ref: PayloadRef;
  /** Absent when it was put already, being too large to ride with the events. */
  readonly payload?: Payload;
}

/** JSON about something, e.g. `<execution>/output/<attempt>`. */
export async function keep(
  { payloads, now }: Infra,
  about: string,
  organizationId: string,
  value: unknown,
): Promise<Kept> {
  const bytes = Buffer.from(JSON.stringify(value));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const ref = { ref: payloadRefOf(now(), about, sha256), sha256, bytes: bytes.length };
  const payload: Payload = { ref: ref.ref, organizationId, bytes };
  if (bytes.length <= SMALL_PAYLOAD_BYTES_MAX) return { ref, payload };
  await payloads.put(payload);
  return { ref };
}
