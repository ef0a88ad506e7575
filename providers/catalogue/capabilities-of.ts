/**
 * What a route can do: what the catalogue declares, and what its adapter's wire format has no place
 * for. A field of the model's schema that would not be sent is `without`, so that a request that
 * has it goes elsewhere, or is refused by the field's name before anything is held.
 */
import type { Capabilities } from '../../contracts/catalogue/capabilities.js';
import type { ModelEntry, RouteEntry } from '../../contracts/catalogue/model-entry.js';
import type { AdapterKind } from '../vendor.js';

/** Undefined where it can do everything. */
export function capabilitiesOf(
  { input_schema: schema }: Pick<ModelEntry, 'input_schema'>,
  { capabilities, request: { pass = [] } = {} }: Pick<RouteEntry, 'capabilities' | 'request'>,
  { sends, capabilities: own }: Pick<AdapterKind, 'sends' | 'capabilities'>,
): Capabilities | undefined {
  const declared = own ? { ...own, ...capabilities } : capabilities;
  if (!sends) return declared;
  const sent = new Set([...sends, ...pass, ...(declared?.without ?? [])]);
  const unsent = Object.entries((schema['properties'] as Properties | undefined) ?? {})
    .filter(([name, part]) => !sent.has(name) && !isAlwaysThere(part))
    .map(([name]) => name);
  if (unsent.length === 0) return declared;
  return { ...declared, without: [...(declared?.without ?? []), ...unsent] };
}

type Properties = Readonly<Record<string, unknown>>;

/** What every input has by default cannot be a reason to refuse one. */
const isAlwaysThere = (part: unknown): boolean =>
  typeof part === 'object' && part !== null && 'default' in part;
