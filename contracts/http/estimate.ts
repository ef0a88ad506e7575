/** `POST /v1/executions/estimate`: what a submission would cost at most, line by line. */
import { priceUnits } from '../catalogue/price-units.js';
import { errorCatalogue } from '../error-codes.js';
import { answerObject, errorDetails, money, text, withExample, type Schema } from './parts.js';

const line: Schema = answerObject('EstimateLine', {
  unit: { type: 'string', enum: [...priceUnits], description: 'The line of the price list.' },
  unit_price: money('Of one unit.', '0.002'),
  quantity: {
    type: 'integer',
    minimum: 0,
    description:
      'The most that the input can use: requests, images, pixels, milliseconds, characters or ' +
      'tokens.',
  },
  per: { type: 'integer', minimum: 1, description: 'So much of `quantity` is one unit.' },
  amount: money('`unit_price` × `quantity` ÷ `per`, rounded up to a millionth.', '0.001'),
});

export const estimateSchema: Schema = answerObject('Estimate', {
  model: { ...text('Model slug.'), examples: ['text-generation-standard'] },
  estimated_cost: money('Of the dearest of the models: `estimated_cost` of the execution.'),
  hold_amount: money('What would be held: `hold_amount` of the execution.', '0.058'),
  models: {
    type: 'array',
    description: 'The model, and after it each of `fallback_models`, at its dearest price.',
    items: answerObject('ModelEstimate', {
      model: withExample(text('Model slug.'), 'text-generation-standard'),
      estimated_cost: money('The sum of its lines.'),
      lines: { type: 'array', items: line },
    }),
  },
  would_be_accepted: {
    type: 'boolean',
    description: 'Whether balance, guards and quotas would let it pass now.',
  },
  refusal: {
    type: ['object', 'null'],
    description: 'With what it would be refused now.',
    properties: {
      code: { type: 'string', enum: Object.keys(errorCatalogue) },
      message: text('For people; may change.'),
      retryable: { type: 'boolean' },
      details: errorDetails,
    },
    required: ['code', 'message', 'retryable'],
  },
});
