/**
 * Identifiers. Public ids are `<prefix>_<uuid>`. An execution's id is derived from organization and
 * idempotency key, so that a repeat finds the same stream with no lookup table and no race.
 */
import { hash } from 'node:crypto';

export type ExecutionId = `exec_${string}`;
export type OrganizationId = `org_${string}`;
export type ApiKeyId = `key_${string}`;
export type FileId = `file_${string}`;
export type HoldId = `hold_${string}`;
export type BatchId = `batch_${string}`;
export type DeliveryId = `dlv_${string}`;
export type EventPublicId = `evt_${string}`;
export type WebhookEndpointId = `we_${string}`;
export type OperatorKeyId = `opk_${string}`;
export type OperationId = `opr_${string}`;

export type IdPrefix =
  | 'exec'
  | 'org'
  | 'key'
  | 'file'
  | 'hold'
  | 'batch'
  | 'dlv'
  | 'evt'
  | 'we'
  | 'opk'
  | 'opr';

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/** The JSON Schema pattern of a public id. */
export const idPattern = (prefix: IdPrefix): string => `^${prefix}_${UUID}$`;

const forms = new Map<IdPrefix, RegExp>();

/** Whether a text is a well-formed id of that kind; ids are compared in lower case only. */
export function isId(prefix: IdPrefix, text: string): boolean {
  let form = forms.get(prefix);
  if (!form) forms.set(prefix, (form = new RegExp(idPattern(prefix))));
  return form.test(text);
}

const NAMESPACE = Buffer.from('a3c1f6de5d0e5f6b9d8a2f7c41b0e9d5', 'hex');

/** Execution id = UUIDv5(our namespace, organization + NUL + idempotency key). */
export const executionIdOf = (organizationId: OrganizationId, key: string): ExecutionId =>
  `exec_${uuidV5(`${organizationId}\u0000${key}`)}`;

/** `by` says of what the name is: the caller's key for the batch, or the keys of its items. */
export const batchIdOf = (
  organizationId: OrganizationId,
  by: 'key' | 'items',
  name: string,
): BatchId => `batch_${uuidV5(`${organizationId}/batch/${by}/${name}`)}`;

/** The stream id of the record of a top-up or adjustment, by the operator's idempotency key. */
export const movementIdOf = (
  organizationId: OrganizationId,
  kind: 'topUp' | 'adjustment',
  key: string,
): string => uuidV5(`${organizationId}/${kind}/${key}`);

/** A key is found by its own SHA-256 (hex), without a table. */
export const apiKeyIdOf = (sha256: string): ApiKeyId => `key_${uuidV5(`api-key/${sha256}`)}`;

/** The n-th file that an execution produced. The same output re-hosted twice is one file. */
export const outputFileIdOf = (executionId: ExecutionId, index: number): FileId =>
  `file_${uuidV5(`${executionId}/file/${index}`)}`;

/**
 * One delivery per event and target, so that a redelivered notification finds its stream. `of` is
 * the execution, or the event's own id where it is not an execution's; the target is an endpoint's
 * id, or the `webhook_url` of the execution.
 */
export const deliveryIdOf = (
  of: ExecutionId | EventPublicId,
  type: string,
  target: string,
): DeliveryId => `dlv_${uuidV5(`${of}/${type}/${target}`)}`;

/** The public id of an execution's event in webhooks; stable over retries. */
export const publicEventIdOf = (executionId: ExecutionId, sequence: number): EventPublicId =>
  `evt_${uuidV5(`${executionId}/event/${sequence}`)}`;

/** The public id of an event that is not an execution's, by where it is in the log. */
export const streamEventIdOf = (stream: string, revision: number): EventPublicId =>
  `evt_${uuidV5(`${stream}/event/${revision}`)}`;

/**
 * Where a payload is kept. The time comes first, so that refs grow and their index is written at
 * its end; the digest comes last, so that no two contents share a ref.
 */
export const payloadRefOf = (atMs: number, about: string, sha256: string): string =>
  `${atMs.toString(36)}/${about}/${sha256.slice(0, 16)}`;

/**
 * An event's id follows from where it is written and from the token of its append, so a repeated
 * append is known. The token is a random UUID, so a mixture of both is as unique as the token is,
 * and costs a tenth of a digest.
 */
export function eventIdOf(stream: string, revision: number, token: string): string {
  let [high, low] = [0x811c9dc5, 0x9e3779b9 ^ revision];
  for (let index = 0; index < stream.length; index++) {
    const code = stream.charCodeAt(index);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x85ebca6b);
  }
  const mixed = (digits: string, by: number) =>
    ((parseInt(digits, 16) ^ by) >>> 0).toString(16).padStart(8, '0');
  return `${mixed(token.slice(0, 8), high)}${token.slice(8, 28)}${mixed(token.slice(28), low)}`;
}

/** Any name-based UUID of ours, for things that have no public id of their own. */
export const derivedUuid = (name: string): string => uuidV5(name);

/** RFC 9562 UUID version 5 (SHA-1, name-based) in our namespace. */
function uuidV5(name: string): string {
  // A character has at most three bytes of UTF-8 for each unit of its length.
  const isShort = name.length * 3 <= SHORT_BYTES;
  if (!isShort) return asUuidV5(hash('sha1', Buffer.concat([NAMESPACE, Buffer.from(name)]), 'hex'));
  const end = NAMESPACE.length + named.write(name, NAMESPACE.length);
  return asUuidV5(hash('sha1', named.subarray(0, end), 'hex'));
}

const SHORT_BYTES = 1_024;
/** The namespace, and behind it the name that is being digested. */
const named = Buffer.concat([NAMESPACE, Buffer.alloc(SHORT_BYTES)]);

function asUuidV5(hex: string): string {
  const variant = ((parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16).padStart(2, '0');
  return (
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-` +
    `${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`
  );
}
