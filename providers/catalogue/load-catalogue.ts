/**
 * The catalogue's text → a `Catalogue`, or every reason why it cannot be one. Nothing is guessed:
 * an entry that could not be dispatched, priced or checked is refused here, before a caller asks.
 */
import { hash } from 'node:crypto';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { parseDocument } from 'yaml';
import type { Catalogue, Model, Provider } from '../../contracts/catalogue/catalogue.js';
import {
  catalogueSchema,
  type CatalogueDocument,
} from '../../contracts/catalogue/catalogue.schema.js';
import { adapterKinds } from '../registry.js';
import { crossProblems } from './catalogue-checks.js';
import type { Variables } from './variables.js';
import { fileFieldsOf } from './file-fields.js';
import { validatorOf } from './input-validators.js';
import { modelOf } from './model-of.js';
import { providerOf } from './provider-of.js';

type CatalogueResult =
  | { readonly catalogue: Catalogue }
  /** Sentences for the operator, each beginning with the place it is about. */
  | { readonly problems: readonly string[] };

export function loadCatalogue(text: string, variables: Variables): CatalogueResult {
  const read = readYaml(text);
  if ('problems' in read) return read;
  const checkShape = shapeCheck();
  if (!checkShape(read.value)) return { problems: shapeProblems(checkShape.errors ?? []) };
  const document = read.value;
  const problems = crossProblems(document, variables);
  if (problems.length > 0) return { problems };
  return { catalogue: catalogueOf(document, variables, versionOf(text)) };
}

/** A version is named after the text: the first 16 hex digits of its SHA-256. */
export const versionOf = (text: string): string => hash('sha256', text, 'hex').slice(0, 16);

/** The keys of a mapping are unique, aliases are bounded, and a warning is a problem too. */
function readYaml(text: string): { value: unknown } | { problems: string[] } {
  const document = parseDocument(text, { strict: true, uniqueKeys: true });
  const troubles = [...document.errors, ...document.warnings];
  if (troubles.length > 0)
    return { problems: troubles.map(({ message }) => firstLine(`YAML: ${message}`)) };
  try {
    return { value: document.toJS({ maxAliasCount: ALIASES_MAX }) as unknown };
  } catch (error) {
    return { problems: [firstLine(`YAML: ${(error as Error).message}`)] };
  }
}

/** A thousand models may share a schema; a bomb of aliases multiplies far beyond. */
const ALIASES_MAX = 10_000;

const firstLine = (message: string): string =>
  message.split('\n', 1)[0]?.replace(/:$/, '') ?? message;

/**
 * That the schema is one, a spec knows; to check it here costs more than to compile it. It is used
 * once for a catalogue, which is less than what faster code for it would take to make.
 */
const SHAPE = {
  allErrors: true,
  verbose: true,
  strict: true,
  validateSchema: false,
  meta: false,
  code: { optimize: false },
} as const;

let compiledShape: ValidateFunction<CatalogueDocument> | undefined;

/** Compiled for the first catalogue. */
const shapeCheck = (): ValidateFunction<CatalogueDocument> =>
  (compiledShape ??= new Ajv2020(SHAPE).compile<CatalogueDocument>(catalogueSchema));

/** A name that is refused is reported once, not again for the rule that it breaks. */
const shapeProblems = (errors: readonly ErrorObject[]): string[] =>
  errors.filter(({ propertyName }) => propertyName === undefined).map(shapeProblem);

/** `models.flux.routes[0].cost must have …: what belongs there`. */
function shapeProblem(error: ErrorObject): string {
  const { instancePath, keyword, params, schema, parentSchema, message = 'is wrong' } = error;
  const steps = instancePath.split('/').slice(1);
  const path = steps.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`)).join('');
  const place = path.replace(/^\./, '') || 'the file';
  const { missingProperty, additionalProperty, propertyName } = params as Record<string, string>;
  if (keyword === 'required') return `${place}: '${missingProperty}' is missing`;
  if (keyword === 'additionalProperties') return `${place}: '${additionalProperty}' is not known`;
  const meaningOf = (part: unknown) => (part as { description?: string } | undefined)?.description;
  if (keyword === 'propertyNames')
    return `${place}: '${propertyName}' is not a name here (${meaningOf(schema)})`;
  const meaning = meaningOf(parentSchema);
  return `${place}: ${message}${meaning ? ` (${meaning})` : ''}`;
}

function catalogueOf(
  document: CatalogueDocument,
  variables: Variables,
  version: string,
): Catalogue {
  const providers = Object.entries(document.providers).map(([slug, entry]): [string, Provider] => [
    slug,
    providerOf(slug, entry, variables),
  ]);
  const models = Object.entries(document.models).map(([slug, entry]): [string, Model] => [
    slug,
    modelOf(slug, entry, (provider) =>
      adapterKinds.get(document.providers[provider]?.adapter ?? ''),
    ),
  ]);
  for (const [, model] of models) {
    validatorOf(model);
    fileFieldsOf(model);
  }
  return { version, providers: new Map(providers), models: new Map(models) };
}
