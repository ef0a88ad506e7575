/** The routing of an execution, explained to operators. */
import {
  answerObject,
  id,
  money,
  orNull,
  text,
  timestamp,
  withExample,
  type Schema,
} from './parts.js';
import { modelSlug } from './path-parameters.js';

const count: Schema = { type: 'integer', minimum: 0 };
const list = (items: Schema): Schema => ({ type: 'array', items });

const candidate = answerObject('RoutingCandidate', {
  route: withExample(text('The route.'), 'gpt-at-openai'),
  provider: withExample(text('Its provider.'), 'openai'),
  score: { type: 'number', description: 'Of 100 points; more is better.' },
  is_chosen: { type: 'boolean' },
  skipped: orNull(text('The word for why it could not be taken.')),
  why: withExample(text('In words.'), 'the cheapest, and as fast as the others'),
  known: orNull(text('What was known of it at that moment.')),
  price: orNull(money('What the caller would pay for the estimated use.')),
  provider_cost: orNull(money('What we would pay for it.')),
});

const decision = answerObject('RoutingDecision', {
  attempt: count,
  at: timestamp('When it was dispatched.'),
  model: modelSlug('Which of its models.'),
  route: withExample(text('The route that was chosen.'), 'gpt-at-openai'),
  provider: withExample(text('Its provider.'), 'openai'),
  account: orNull(text('Which of our accounts there.')),
  why: withExample(text('Why it was chosen, in words.'), 'the cheapest of three'),
  candidates: list(candidate),
});

export const routingSchema: Schema = answerObject('Routing', {
  execution_id: id('exec', 'The execution.'),
  model: modelSlug('The model that was asked for.'),
  fallback_models: list(modelSlug('A model that may stand in.')),
  require: { type: 'object', description: 'What was required of where it is worked on.' },
  catalogue_version: withExample(text('In force when it was accepted.'), '5f2b9c0d'),
  estimated_usage: {
    type: ['object', 'null'],
    description: 'The most that it was estimated to use.',
  },
  decisions: list(decision),
});
