/** The routing of an execution, explained to operators. */
import { answerObject, id, money, orNull, text, timestamp, type Schema } from './parts.js';

const count: Schema = { type: 'integer', minimum: 0 };
const list = (items: Schema): Schema => ({ type: 'array', items });

const candidate = answerObject('RoutingCandidate', {
  route: text('The route.'),
  provider: text('Its provider.'),
  score: { type: 'number', description: 'Of 100 points; more is better.' },
  is_chosen: { type: 'boolean' },
  skipped: orNull(text('The word for why it could not be taken.')),
  why: text('In words.'),
  known: orNull(text('What was known of it at that moment.')),
  price: orNull(money('What the caller would pay for the estimated use.')),
  provider_cost: orNull(money('What we would pay for it.')),
});

const decision = answerObject('RoutingDecision', {
  attempt: count,
  at: timestamp('When it was dispatched.'),
  model: text('Which of its models.'),
  route: text('The route that was chosen.'),
  provider: text('Its provider.'),
  account: orNull(text('Which of our accounts there.')),
  why: text('Why it was chosen, in words.'),
  candidates: list(candidate),
});

export const routingSchema: Schema = answerObject('Routing', {
  execution_id: id('exec', 'The execution.'),
  model: text('The model that was asked for.'),
  fallback_models: list(text('A model that may stand in.')),
  require: { type: 'object', description: 'What was required of where it is worked on.' },
  catalogue_version: text('In force when it was accepted.'),
  estimated_usage: {
    type: ['object', 'null'],
    description: 'The most that it was estimated to use.',
  },
  decisions: list(decision),
});
