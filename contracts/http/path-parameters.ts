/** What stands in a path, by the collection before it: `/executions/{id}`. */
import { id, text, type Schema } from './parts.js';

/** A model's slug, as a catalogue may have it. */
export const modelSlug = (description: string): Schema => ({
  ...slugOf(description),
  examples: ['flux-1.1-pro'],
});

const slugOf = (description: string): Schema => ({
  ...text(description, 63),
  pattern: '^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$',
});

const sealedToken = (description: string): Schema => ({
  ...text(description, 1_024),
  pattern: '^[A-Za-z0-9_-]{1,1024}$',
  examples: ['q0ZxKk1vQe2mJp5uYc8d'],
});

const collections: Readonly<Record<string, Schema>> = {
  'api-keys': id('key', 'The API key.'),
  batches: id('batch', 'The batch.'),
  content: sealedToken('The token of a link to a file.'),
  deliveries: id('dlv', 'The webhook delivery.'),
  endpoints: id('we', 'The webhook endpoint.'),
  executions: id('exec', 'The execution.'),
  exports: {
    ...text('The export.', 63),
    pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
    examples: ['acme'],
  },
  files: id('file', 'The file.'),
  models: modelSlug('The model.'),
  'operator-keys': id('opk', 'The key of an operator.'),
  organizations: id('org', 'The organization.'),
  projections: {
    ...text('The projection.', 63),
    pattern: '^[a-z_]{1,63}$',
    examples: ['executions'],
  },
  upload: sealedToken('The token of an upload URL.'),
  providers: { ...slugOf('The provider in the catalogue.'), examples: ['aurora-chat'] },
};

export function pathParameter(path: string, name: string): Schema {
  const segments = path.split('/');
  const collection = segments[segments.indexOf(`{${name}}`) - 1] ?? '';
  return collections[collection] ?? { type: 'string', minLength: 1 };
}
