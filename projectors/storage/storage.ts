/**
 * What is stored for each organization, for its quota, and which large payloads events name, so
 * that those which no event names can be found and removed.
 */
import type { ProviderCallbackReceived } from '../../contracts/events/attempt.js';
import type { PayloadsErased } from '../../contracts/events/erasure.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type {
  ExecutionCompleted,
  ExecutionRequested,
  PayloadRef,
  ProviderSucceeded,
} from '../../contracts/events/execution.js';
import type {
  FileDeleted,
  FileExpired,
  FileStored,
  FileUploaded,
} from '../../contracts/events/file.js';
import { payloadName } from '../../infra/payloads/key.js';
import { SMALL_PAYLOAD_BYTES_MAX } from '../../infra/payloads/port.js';
import { largePayloads, storedBytes } from '../../infra/read-store/tables/storage.js';
import { projection, type Batch } from '../engine/projection.js';

type Naming =
  | ExecutionRequested
  | ProviderSucceeded
  | ExecutionCompleted
  | ProviderCallbackReceived;
type Gone = FileDeleted | FileExpired;
type StoringEvent = Naming | FileStored | FileUploaded | Gone | PayloadsErased;

export const storage = projection<StoringEvent>(
  'storage',
  {
    version: 2,
    tables: [storedBytes, largePayloads],
    plan: ({ data: { organizationId } }, plan) => plan.reads(storedBytes, { organizationId }),
  },
  {
    ExecutionRequested: (event, batch) => payload(event, event.data.input, batch),
    ProviderSucceeded: (event, batch) => payload(event, event.data.output, batch),
    ExecutionCompleted: (event, batch) => payload(event, event.data.output, batch),
    ProviderCallbackReceived: (event, batch) => payload(event, event.data.callback, batch),
    FileStored: (event, batch) => add(event, event.data.sizeBytes, batch),
    FileUploaded: (event, batch) => add(event, event.data.sizeBytes, batch),
    FileDeleted: (event, batch) => add(event, -event.data.sizeBytes, batch),
    FileExpired: (event, batch) => add(event, -event.data.sizeBytes, batch),
    PayloadsErased: erase,
  },
);

function payload(event: RecordedEvent<Naming>, { ref, bytes }: PayloadRef, batch: Batch): void {
  add(event, bytes, batch);
  if (bytes <= SMALL_PAYLOAD_BYTES_MAX) return;
  const { data, position } = event;
  const { organizationId } = data;
  batch.of(largePayloads).put({ name: payloadName(ref), organizationId, bytes, position });
}

/** A large one that is still there has no name any more, and is swept. */
function erase(event: RecordedEvent<PayloadsErased>, batch: Batch): void {
  add(event, -event.data.bytes, batch);
  for (const { ref, bytes } of event.data.payloads)
    if (bytes > SMALL_PAYLOAD_BYTES_MAX) batch.of(largePayloads).remove({ name: payloadName(ref) });
}

function add({ data, position }: RecordedEvent<StoringEvent>, more: number, batch: Batch): void {
  const { organizationId } = data;
  const rows = batch.of(storedBytes);
  const bytes = (rows.get({ organizationId })?.bytes ?? 0n) + BigInt(more);
  rows.put({ organizationId, bytes, position });
}
