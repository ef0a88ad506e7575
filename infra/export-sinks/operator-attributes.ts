/** What only operators know of an event, as attributes of a CloudEvent. */
import type { Attributes } from '../../domain/feed/cloud-event.js';
import type { FieldsOf } from '../../domain/proof/operator-fields.js';

/** Names of CloudEvents have letters and digits alone; one without a value is not there. */
export function operatorAttributes(fields: FieldsOf): Attributes {
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields))
    if (value !== null) attributes[name.replaceAll('_', '')] = value;
  return attributes;
}
