/** What we send to the callers' own addresses: one request for each type of event. */
import {
  webhookHeaders,
  webhookMeanings,
  webhookSchemaOf,
} from '../../../contracts/webhooks/schemas.js';
import type { Components } from './components.js';
import type { OpenApiDocument, Operation } from './document.js';
import { exampleOf } from './examples.js';
import { WEBHOOKS } from './tags.js';

export function webhooksOf(components: Components): OpenApiDocument['webhooks'] {
  const operations = Object.entries(webhookMeanings).map(([type, meaning]) => {
    const schema = webhookSchemaOf(type as keyof typeof webhookMeanings);
    const post: Operation = {
      operationId: operationIdOf(type),
      summary: meaning,
      description: ABOUT,
      tags: [WEBHOOKS],
      security: [],
      parameters: Object.entries(webhookHeaders).map(([name, { description, ...header }]) => ({
        name,
        in: 'header',
        required: true,
        description: String(description),
        schema: header,
      })),
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: components.reference(schema),
            example: exampleOf(schema).value,
          },
        },
      },
      responses: {
        '2XX': { description: 'You have it. The body of your answer is not read.' },
        '410': { description: 'Nobody is there any more: nothing is sent to this address again.' },
        default: { description: 'You do not have it: it is sent again, under the same `id`.' },
      },
    };
    return [type, { post }] as const;
  });
  return Object.fromEntries(operations);
}

/** `execution.completed` → `onExecutionCompleted`. */
const operationIdOf = (type: string): string =>
  `on${type.replaceAll(/(^|[._])([a-z])/g, (_, __, letter: string) => letter.toUpperCase())}`;

const ABOUT =
  'Check one of the two signatures over the raw body, compare in constant time, refuse times ' +
  'older than five minutes, and remember `id`: an event may come more than once. Answer within ' +
  '30 seconds; retries come after 2, 4, 8, 16 and 30 minutes.';
