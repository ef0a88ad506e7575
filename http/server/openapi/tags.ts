/** The groups of the API reference, in its order: what tenants use comes first. */
import type { Route } from '../route.js';

interface Tag {
  readonly name: string;
  readonly description: string;
}

/** What we send is of this group. */
export const WEBHOOKS = 'Webhooks';

const TAGS: readonly Tag[] = [
  {
    name: 'Executions',
    description:
      'One run of a model on an input, from its acceptance to its end: submit, watch, read the ' +
      'output, cancel, try again.',
  },
  {
    name: 'Batches',
    description: 'Up to 1,000 submissions in one call, counted and cancelled together.',
  },
  {
    name: 'Models',
    description: 'What can be run: input and output as JSON Schema, prices and limits.',
  },
  {
    name: 'Files',
    description: 'Inputs that you upload, and outputs that executions leave, as `file_<uuid>`.',
  },
  {
    name: 'Billing',
    description: 'Balance, ledger, open holds and usage of your organization, in US dollars.',
  },
  {
    name: WEBHOOKS,
    description: 'Endpoints that are told what happens, what each was sent, and sending it again.',
  },
  {
    name: 'Events',
    description:
      'The feed of your organization: all that happened to it, numbered, as CloudEvents.',
  },
  { name: 'API keys', description: 'Keys of an organization, with what each of them may do.' },
  {
    name: 'Limits',
    description: 'Rate limits and spending guards: how much may be asked for, and spent.',
  },
  {
    name: 'Requirements',
    description: 'What is required of where all work of an organization is done.',
  },
  {
    name: 'Audit',
    description: 'Proofs that what happened was not altered: exports, receipts, checkpoints.',
  },
  { name: 'Organizations', description: 'Tenants, with their quotas, as the operator sees them.' },
  { name: 'Money', description: 'Top-ups and corrections by the operator.' },
  { name: 'Operators', description: 'Keys of operators, and the role of each.' },
  { name: 'Providers', description: 'State of providers and routes, and opening or closing them.' },
  { name: 'Operations', description: 'Queues, processors and dead letters.' },
  { name: 'Projections', description: 'How far the read models are, and rebuilding them.' },
  { name: 'Exports', description: 'Continuous exports of feeds into folders, buckets and topics.' },
];

/** Those that the routes have. A name that has no words here comes last, and a spec names it. */
export function tagsOf(routes: readonly Route[]): readonly Tag[] {
  const used = new Set([WEBHOOKS, ...routes.map(({ tag }) => tag)]);
  const unknown = [...used].filter((name) => !TAGS.some((tag) => tag.name === name));
  return [
    ...TAGS.filter(({ name }) => used.has(name)),
    ...unknown.map((name) => ({ name, description: '' })),
  ];
}
