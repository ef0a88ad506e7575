/**
 * An event of a feed as CloudEvents 1.0 writes it in JSON. `sequence` is the attribute of the
 * CloudEvents extension of that name, whose texts must sort as the events do: hence its zeros.
 */
import type { FeedType } from '../../contracts/cloud-events/feed-types.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { OrganizationId } from '../../contracts/ids.js';

export interface NumberedEvent {
  readonly organizationId: OrganizationId;
  readonly sequence: bigint;
  /** Of the stored event, a UUID. */
  readonly eventId: string;
  readonly type: FeedType;
  readonly subject: string;
  readonly at: Timestamp;
  /** JSON. */
  readonly data: string;
}

/** One line of JSON. Only `subject` can have characters that JSON escapes. */
export const cloudEventText = (event: NumberedEvent): string =>
  `${attributesText(event)},"data":${event.data}}`;

/** The same with further attributes, by names of lower-case letters and digits. */
export function extendedCloudEventText(event: NumberedEvent, further: Attributes): string {
  let text = attributesText(event);
  for (const [name, value] of Object.entries(further))
    text += `,"${name}":${JSON.stringify(value)}`;
  return `${text},"data":${event.data}}`;
}

const attributesText = (event: NumberedEvent): string =>
  `{"specversion":"1.0","id":"evt_${event.eventId}","source":"${sourceOf(event)}",` +
  `"type":"${event.type}","subject":${JSON.stringify(event.subject)},"time":"${event.at}",` +
  `"datacontenttype":"application/json","sequence":"${sequenceText(event.sequence)}"`;

/** Every attribute of the event, as the bindings of CloudEvents write them beside the data. */
export const cloudEventAttributes = (event: NumberedEvent) => ({
  specversion: '1.0',
  id: `evt_${event.eventId}`,
  source: sourceOf(event),
  type: event.type,
  subject: event.subject,
  time: event.at,
  datacontenttype: 'application/json',
  sequence: sequenceText(event.sequence),
});

export type Attributes = Readonly<Record<string, string>>;

/** `id` is unique within it. */
const sourceOf = ({ organizationId }: NumberedEvent): string => `urn:modelroute:${organizationId}`;

const SEQUENCE_DIGITS = 16;

const sequenceText = (sequence: bigint): string => `${sequence}`.padStart(SEQUENCE_DIGITS, '0');
