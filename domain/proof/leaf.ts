/**
 * The leaf of a stored event: one text in canonical JSON (RFC 8785). Version 1, frozen: a stored
 * event has the same leaf for ever, whatever store it is in.
 *
 * An event of an organization's feed:
 *   {"_sd":[…],"data":{…},"event_id":"…","organization_id":"org_…","salt":"…","sequence":7,
 *    "subject":"exec_…","time":"…","type":"execution.completed","v":1}
 * `_sd` has the digests of what the leaf commits to, where there is anything.
 *
 * What operators alone may know: {"digest":"…","v":1}, over the event and a salt.
 */
import { hash } from 'node:crypto';
import { eventSchemas, type AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { formatMoney } from '../../contracts/money.js';
import { canonicalJson, openCanonicalWriter, stringText } from '../canonical-json.js';
import type { FeedContent } from '../feed/feed-content.js';
import { feedEventOf } from '../feed/feed-event.js';
import { commitmentsOf, operatorFieldsOf } from './operator-fields.js';
import type { LeafSalts } from './salts.js';

export const LEAF_VERSION = 1;

/** As it is read back from its text. */
export interface FeedLeaf {
  readonly _sd?: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;
  readonly event_id: string;
  readonly organization_id: OrganizationId;
  readonly salt: string;
  readonly sequence: number;
  readonly subject: string;
  readonly time: string;
  readonly type: string;
  readonly v: typeof LEAF_VERSION;
}

/** `sequence`: its number in its organization's feed; of no meaning where it has none. */
export function leafTextOf(
  event: RecordedEvent<AnyEvent>,
  sequence: number,
  salts: LeafSalts,
): string {
  const form = feedEventOf(event);
  if (!form) return digestLeaf(event, salts);
  const { id } = event;
  const fields = operatorFieldsOf(event);
  const sd = fields ? `"_sd":["${commitmentsOf(salts, id, fields).join('","')}"],` : '';
  return (
    `{${sd}"data":${dataText(form)},"event_id":"${id}",` +
    `"organization_id":"${form.organizationId}","salt":"${salts(id, 'leaf')}",` +
    `"sequence":${sequence},"subject":${stringText(form.subject)},"time":"${form.time}",` +
    `"type":"${form.type}","v":${LEAF_VERSION}}`
  );
}

type Write = ReturnType<typeof openCanonicalWriter>;

/** Events of a type have the same fields, nearly always. */
const writers = new Map<FeedContent['type'], Write>();

function dataText({ type, data }: FeedContent): string {
  let write = writers.get(type);
  if (!write) writers.set(type, (write = openCanonicalWriter()));
  return write(data);
}

function digestLeaf(event: RecordedEvent<AnyEvent>, salts: LeafSalts): string {
  const { id, stream, revision, type, metadata } = event;
  const data: Record<string, unknown> = { ...event.data };
  for (const field of eventSchemas[type].money)
    if (typeof data[field] === 'bigint') data[field] = formatMoney(data[field]);
  const salt = salts(id, 'leaf');
  const whole = canonicalJson({ data, id, metadata, revision, salt, stream, type });
  return `{"digest":"${hash('sha256', whole, 'base64url')}","v":${LEAF_VERSION}}`;
}
