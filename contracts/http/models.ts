/** A model as callers see it: no provider, no route. */
import { priceUnits } from '../catalogue/price-units.js';
import { modalities } from '../events/execution.js';
import { answerObject, money, text, withExample, type Schema } from './parts.js';
import { modelSlug } from './path-parameters.js';

const perUnit = money('Absent when nothing is charged for it.', '0.040');

const units = Object.fromEntries(priceUnits.map((unit) => [`${unit}?`, perUnit]));

export const modelSchema: Schema = answerObject('Model', {
  slug: modelSlug('How it is asked for.'),
  name: withExample(text('For people.'), 'FLUX 1.1 Pro'),
  modality: { type: 'string', enum: [...modalities] },
  description: withExample(text('What it is for.'), 'Pictures from a prompt.'),
  input_schema: withExample(
    { type: 'object', description: 'JSON Schema of `input`.' },
    { type: 'object', properties: { prompt: { type: 'string' } }, required: ['prompt'] },
  ),
  output_schema: withExample(
    { type: 'object', description: 'JSON Schema of `output`.' },
    { type: 'object', properties: { images: { type: 'array' } }, required: ['images'] },
  ),
  price: {
    ...answerObject('Price', {
      currency: { type: 'string', enum: ['USD'] },
      ...units,
      'tiers?': {
        type: 'array',
        items: answerObject('PriceTier', {
          above_input_tokens: {
            type: 'integer',
            description: 'Of requests with more than that.',
            examples: [200_000],
          },
          ...units,
        }),
        description: 'Other prices of large requests, each for the whole of it.',
      },
    }),
    description: 'The most that is charged for a unit.',
  },
  capabilities: {
    type: 'object',
    description:
      'What it can do of what `input_schema` allows; what is absent is as the schema says. A ' +
      'wish beyond it is a 400 that names the field.',
    examples: [{ tools: false, max_tokens: 8192 }],
  },
  limits: answerObject('Limits', {
    expires_in_default: { type: 'integer', description: 'Seconds.', examples: [300] },
    expires_in_max: { type: 'integer', description: 'Seconds.', examples: [604_800] },
    body_bytes_max: {
      type: 'integer',
      description: 'Of the whole request.',
      examples: [1_048_576],
    },
  }),
});
