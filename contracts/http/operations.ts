/** The operator's bodies about processors: dead letters and lag. */
import {
  answerObject,
  id,
  listOf,
  orNull,
  requestObject,
  text,
  timestamp,
  withExample,
  type Schema,
} from './parts.js';
import { modelSlug } from './path-parameters.js';

/** As many events as a stream can hold: the stores count in 32 bits. */
const revision: Schema = { type: 'integer', minimum: 0, maximum: 2_147_483_647 };

const notification = {
  group: { ...text('The processor.', 100), examples: ['settle-execution'] },
  stream: {
    ...text('The stream that it was notified of.', 200),
    pattern: '^[a-z][A-Za-z]*-[\\x21-\\x7e]+$',
    examples: ['execution-exec_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44'],
  },
  revision: { ...revision, description: "The event's revision in its stream." },
};

export interface RedriveDeadLetterBody {
  readonly group: string;
  readonly stream: string;
  readonly revision: number;
}

export const redriveDeadLetterSchema: Schema = {
  ...requestObject('RedriveDeadLetter', notification),
  examples: [
    {
      group: 'settle-execution',
      stream: 'execution-exec_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44',
      revision: 2,
    },
  ],
};

export interface DropDeadLetterBody extends RedriveDeadLetterBody {
  readonly reason: string;
}

export const dropDeadLetterSchema: Schema = {
  ...requestObject('DropDeadLetter', {
    ...notification,
    reason: text('Why it need not be delivered; it is recorded.', 500),
  }),
  examples: [
    {
      group: 'settle-execution',
      stream: 'execution-exec_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44',
      revision: 2,
      reason: 'settled by hand, ticket 4711',
    },
  ],
};

export const deadLetterSchema: Schema = answerObject('DeadLetter', {
  ...notification,
  type: withExample(text('Type of the event.'), 'ExecutionCompleted'),
  position: withExample(text('Position in the log.'), '48213'),
  attempts: { type: 'integer', minimum: 1 },
  error: withExample(text('What the last attempt failed with.'), 'connection refused'),
  parked_at: timestamp('When it became a dead letter.'),
});

export const groupSchema: Schema = answerObject('Group', {
  group: withExample(text('The processor.'), 'settle-execution'),
  checkpoint: withExample(text('Position up to which everything is handled.'), '48210'),
  head: withExample(text('Position of the last event of the log.'), '48213'),
  parked: { type: 'integer', minimum: 0, description: 'Dead letters.' },
});

const count: Schema = { type: 'integer', minimum: 0 };

export interface SetCircuitBody {
  readonly state: 'open' | 'closed';
  readonly route?: string;
  readonly for_seconds?: number;
  readonly reason: string;
}

const stateAsked: Schema = {
  type: 'string',
  enum: ['open', 'closed'],
  description: 'Open: calls are held back. Closed: they pass.',
};

export const setCircuitSchema: Schema = {
  ...requestObject('SetCircuit', {
    state: stateAsked,
    'route?': text('Only this route of the provider, by its name in the catalogue.', 200),
    'for_seconds?': {
      type: 'integer',
      minimum: 1,
      maximum: 2_592_000,
      default: 3_600,
      description: 'How long it stays open.',
    },
    reason: text('Why, for closing too; it is recorded.', 500),
  }),
  examples: [
    { state: 'open', for_seconds: 1_800, reason: 'announced maintenance' },
    { state: 'closed', reason: 'maintenance is over' },
  ],
};

export const circuitSetSchema: Schema = answerObject('CircuitSet', {
  provider: withExample(text('The provider in the catalogue.'), 'openai'),
  route: orNull(text('The route, where it is one’s.')),
  state: stateAsked,
  until: orNull(timestamp('Until when it stays open.')),
});

const slots: Schema = { ...count, description: "The provider's bulkhead, of all processes." };

const shares: Schema = {
  type: 'array',
  description: 'Of the processes that called it lately: how many slots each may use just now.',
  items: answerObject('SlotShare', {
    instance: withExample(text('The process.'), 'all-in-one'),
    in_flight: { ...count, description: 'Its calls and accepted jobs.' },
    slots: { ...count, description: 'What it holds; it begins no call beyond that.' },
  }),
};

const circuit = {
  circuit: {
    enum: ['closed', 'half-open', 'open'],
    description:
      'The worst that a process sees. Open: calls are held back; half-open: it is tried.',
  },
  rests_until: orNull(timestamp('Until when no call is made, or was asked not to be.')),
  rests_only_for: orNull(
    id('org', 'The organization whose calls alone are held back: it alone had failures.'),
  ),
  held_open: orNull(
    answerObject('HeldOpen', {
      until: timestamp('Until when.'),
      since: timestamp('When an operator opened it.'),
      by: text('Which operator.'),
    }),
  ),
};

export const providersSchema: Schema = listOf(
  'Providers',
  answerObject('ProviderHealth', {
    provider: withExample(text('The provider in the catalogue.'), 'openai'),
    adapter: withExample(text('The wire format that it speaks.'), 'openai-chat'),
    in_flight: { ...count, description: 'Calls and accepted jobs, of all processes.' },
    slots,
    shares,
    ...circuit,
    routes: {
      type: 'array',
      items: answerObject('RouteHealth', {
        route: withExample(text('The route in the catalogue.'), 'gpt-at-openai'),
        model: modelSlug('Its model.'),
        ...circuit,
      }),
      description: 'A route rests by itself when the provider refuses what we ask of it there.',
    },
  }),
);

export const queuesSchema: Schema = answerObject('Queues', {
  providers: {
    type: 'array',
    items: answerObject('ProviderQueue', {
      provider: withExample(text('The provider in the catalogue.'), 'openai'),
      slots_used: { ...count, description: 'Calls and accepted jobs, of all processes.' },
      slots,
      shares,
      circuit: {
        enum: ['closed', 'half-open', 'open'],
        description: 'The worst that a process sees.',
      },
    }),
  },
  models: {
    type: 'array',
    items: answerObject('ModelQueue', {
      model: modelSlug('The model in the catalogue.'),
      waiting: { ...count, description: 'Executions that wait for a provider.' },
      oldest_seconds: { ...count, description: 'How long the oldest of them has waited.' },
      organizations: {
        type: 'array',
        maxItems: 10,
        description: 'Those with most executions that have waited for more than some seconds.',
        items: answerObject('WaitingOrganization', {
          organization_id: id('org', 'The organization.'),
          waiting: count,
        }),
      },
    }),
  },
});
