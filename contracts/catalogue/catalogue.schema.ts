/**
 * The catalogue file as operators write it (YAML): its shape, and the JSON Schema that checks it.
 * A `description` is also the second half of the sentence that reports a violation.
 */
import { modelSchema, type ModelEntry } from './model-entry.js';
import { providerSchema, type ProviderEntry } from './provider-entry.js';
import { closed, slug, type Part } from './schema-parts.js';

export interface CatalogueDocument {
  /** What models refer to by a YAML alias; nothing else reads it. */
  readonly schemas?: Readonly<Record<string, unknown>>;
  readonly providers: Readonly<Record<string, ProviderEntry>>;
  readonly models: Readonly<Record<string, ModelEntry>>;
}

const entries = (of: Part, description: string): Part => ({
  type: 'object',
  propertyNames: slug,
  additionalProperties: of,
  minProperties: 1,
  description,
});

export const catalogueSchema: Part = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'ModelRoute catalogue',
  ...closed(
    {
      schemas: {
        type: 'object',
        additionalProperties: { type: 'object', description: 'a JSON Schema (draft 2020-12)' },
        description: 'JSON Schemas with an anchor (&name), for models that share one (*name)',
      },
      providers: entries(providerSchema, 'providers by slug'),
      models: entries(modelSchema, 'models by slug'),
    },
    ['providers', 'models'],
  ),
};
