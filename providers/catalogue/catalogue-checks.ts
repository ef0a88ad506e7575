/** What the schema of the catalogue file cannot say: names that must exist, prices that must be. */
import type { CatalogueDocument } from '../../contracts/catalogue/catalogue.schema.js';
import type { ModelEntry, RouteEntry } from '../../contracts/catalogue/model-entry.js';
import type { PollEntry } from '../../contracts/catalogue/provider-entry.js';
import { boundOf } from '../../domain/pricing/defaults.js';
import { adapterKinds } from '../registry.js';
import { accountProblems } from './accounts-of.js';
import { capabilityProblems } from './capability-checks.js';
import { compilerOfInputs, type CompileInput } from './input-validators.js';
import { imagePriceProblems, priceProblems } from './price-checks.js';
import { filledIn, missingVariables, type Variables } from './variables.js';
import { wireProblems } from './wire-checks.js';
import { costProblems } from './schema-cost.js';

/** Of a document whose shape is right; empty when it can be used. */
export function crossProblems(document: CatalogueDocument, variables: Variables): string[] {
  const compile = compilerOfInputs();
  const names = new Set<string>();
  return [
    ...Object.entries(document.providers).flatMap(([slug, entry]) => {
      const place = `providers.${slug}`;
      const { adapter, base_url, webhook_keys_url: keysUrl, poll, generic } = entry;
      const kind = adapterKinds.get(adapter);
      return [
        ...adapterProblems(`${place}.adapter`, adapter),
        ...baseUrlProblems(`${place}.base_url`, base_url, variables),
        ...(keysUrl === undefined
          ? []
          : urlProblems(`${place}.webhook_keys_url`, keysUrl, variables)),
        ...wireProblems(place, entry, variables),
        ...accountProblems(place, entry),
        ...pollProblems(`${place}.poll`, poll),
        ...(kind?.check?.(entry, place) ?? []),
        ...(generic && adapter !== 'generic-json'
          ? [`${place}.generic: is read by the adapter generic-json alone`]
          : []),
      ];
    }),
    ...Object.entries(document.models).flatMap(([slug, model]) => {
      const place = `models.${slug}`;
      return [
        ...inputSchemaProblems(`${place}.input_schema`, model, compile),
        ...usageProblems(place, model),
        ...imagePriceProblems(place, model),
        ...capabilityProblems(place, slug, model),
        ...model.routes.flatMap((route, index) => {
          const at = `${place}.routes[${index}]`;
          const name = route.name ?? `${slug}/${route.provider}`;
          const repeated = names.has(name) ? [`${at}: two routes are named '${name}'`] : [];
          names.add(name);
          return [...repeated, ...routeProblems(at, route, model, document)];
        }),
      ];
    }),
  ];
}

function baseUrlProblems(place: string, text: string, variables: Variables): string[] {
  const problems = urlProblems(place, text, variables);
  if (problems.length > 0) return problems;
  const url = new URL(filledIn(text, variables));
  if (url.username || url.password)
    return [`${place}: must not carry a credential; name its variable in credential_env`];
  return url.search || url.hash ? [`${place}: must have neither query nor fragment`] : [];
}

function urlProblems(place: string, text: string, variables: Variables): string[] {
  const missing = missingVariables(place, text, variables);
  if (missing.length > 0) return missing;
  const filled = filledIn(text, variables);
  const isUrl = URL.canParse(filled) && /^https?:$/.test(new URL(filled).protocol);
  return isUrl ? [] : [`${place}: must be an absolute http or https URL`];
}

function adapterProblems(place: string, adapter: string): string[] {
  if (adapterKinds.has(adapter)) return [];
  const known = [...adapterKinds.keys()].join(', ');
  return [`${place}: '${adapter}' is no adapter; known are ${known}`];
}

function pollProblems(place: string, { every_ms: every = 1_000, max_ms: max }: PollEntry = {}) {
  return max !== undefined && max < every
    ? [`${place}.max_ms: is less than every_ms (${every})`]
    : [];
}

function inputSchemaProblems(place: string, model: ModelEntry, compile: CompileInput): string[] {
  if (model.input_schema['type'] !== 'object')
    return [`${place}: must be the schema of an object (type: object)`];
  const { problem } = compile(model.input_schema);
  if (problem !== undefined) return [`${place}: ${problem}`];
  return costProblems(place, model.input_schema);
}

function routeProblems(
  place: string,
  route: RouteEntry,
  model: ModelEntry,
  { providers }: CatalogueDocument,
): string[] {
  const { modality } = model;
  const { provider: slug, price = {}, cost } = route;
  const provider = Object.hasOwn(providers, slug) ? providers[slug] : undefined;
  const kind = provider && adapterKinds.get(provider.adapter);
  const speaks = provider && (kind?.speaks?.(provider) ?? kind?.modalities);
  return [
    ...(provider ? [] : [`${place}.provider: there is no provider '${slug}'`]),
    ...(speaks && !speaks.includes(modality)
      ? [`${place}.provider: '${slug}' speaks ${speaks.join(', ')}, but the model is ${modality}`]
      : ((provider && kind?.checkRoute?.(provider, model, route))?.map(
          (one) => `${place}: ${one}`,
        ) ?? [])),
    ...(route.input_map && kind && !kind.mapsInput
      ? [`${place}.input_map: is not read by the adapter ${provider?.adapter}`]
      : []),
    ...(route.request?.as && kind && !kind.mapsInput
      ? [`${place}.request.as: is not read by the adapter ${provider?.adapter}`]
      : []),
    ...(Object.keys(price).length === 0
      ? [`${place}.price: a model without a price cannot be dispatched`]
      : []),
    ...priceProblems(`${place}.price`, price, modality),
    ...priceProblems(`${place}.cost`, cost, modality),
  ];
}

/** The bound of an input that does not say how much it wants; without one no hold is enough. */
function usageProblems(place: string, model: ModelEntry): string[] {
  const { usage_default: usage = {}, modality, input_schema: schema } = model;
  const { inFile: unit, field } = boundOf[modality];
  const properties = schema['properties'] as Record<string, { default?: unknown }> | undefined;
  const stated = field === undefined ? undefined : properties?.[field]?.default;
  if (usage[unit as keyof typeof usage] === undefined)
    return [`${place}.usage_default: '${unit}' is missing; it bounds what a request may use`];
  if (stated !== undefined && stated !== usage[unit as keyof typeof usage])
    return [`${place}.usage_default.${unit}: is not the default of '${field}' in input_schema`];
  const unbounded = UNBOUNDED.filter((name) => modality === 'text' && properties?.[name]);
  return unbounded.map(
    (name) => `${place}.input_schema: '${name}' asks for more than 'max_tokens' bounds`,
  );
}

/** Fields of the providers' own by which an answer could be longer than it was estimated. */
const UNBOUNDED = ['max_completion_tokens', 'best_of'];
