/** The headers of answers, by name; each is a component that answers refer to. */
import type { JsonSchema, Route } from '../route.js';

interface Header {
  readonly description: string;
  readonly required?: true;
  readonly schema: JsonSchema;
}

const text = (description: string, example: string): Header => ({
  description,
  schema: { type: 'string', examples: [example] },
});

const count = (description: string, example: number): Header => ({
  description,
  schema: { type: 'integer', minimum: 0, examples: [example] },
});

/** Header names are the keys, as the reference shows them. */
export const HEADERS: Readonly<Record<string, Header>> = {
  'X-Request-Id': {
    ...text(
      'Names the request in our log: quote it when you ask about it. Your own `X-Request-Id` of ' +
        'up to 128 visible characters is kept.',
      'req_0b1e7a34-6f0c-4a53-9d0e-8f3c5b1a2d47',
    ),
    required: true,
  },
  'X-RateLimit-Limit': count('Requests that fit into a minute.', 600),
  'X-RateLimit-Remaining': count('Requests that may be sent at once now.', 99),
  'X-RateLimit-Reset': count('Seconds until all of the burst is there again.', 1),
  RateLimit: text(
    'The same, as RFC draft ietf-httpapi-ratelimit-headers has it.',
    '"organization";r=99;t=1',
  ),
  'RateLimit-Policy': text(
    'The limits that apply, in the same form: of the key, where it has one, and its organization.',
    '"organization";q=600;w=60;modelroute-burst=100',
  ),
  'Retry-After': count('Seconds after which to try again.', 1),
  'WWW-Authenticate': text('The scheme of keys.', 'Bearer'),
  Location: text(
    'Where what was made, or asked for, is.',
    '/v1/executions/exec_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44',
  ),
  'Idempotency-Replayed': {
    description: '`true` where this is the answer to an earlier request under the same key.',
    schema: { type: 'string', enum: ['true'], examples: ['true'] },
  },
  ETag: text('Changes when what was read changes.', 'W/"3"'),
  Link: text(
    'RFC 8288. Of a list `rel="next"`, the next page; of an accepted execution `status`, ' +
      '`result`, `events` and `cancel`.',
    '</v1/executions?cursor=…>; rel="next"',
  ),
  'Content-Disposition': text('Whether a browser may show it, and its name.', 'attachment'),
  'Content-Range': text('Which bytes these are.', 'bytes 0-1023/48213'),
  'Accept-Ranges': text('Whether a range may be asked for.', 'bytes'),
  'Feed-Sequence': count(
    'Everything up to this number that was asked for was answered: go on with it as `after`.',
    42,
  ),
  'Preference-Applied': text('RFC 7240: which preference was followed.', 'wait=10'),
};

const LIMITED = [
  ...['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'],
  ...['RateLimit', 'RateLimit-Policy'],
];

type Reference = Readonly<Record<string, { readonly $ref: string }>>;

/** Of every answer, or of every answer to a tenant. */
export const everyHeader = (isTenant: boolean): readonly string[] => [
  'X-Request-Id',
  ...(isTenant ? LIMITED : []),
];

/** Those that the routes refer to. */
export const headersOf = (routes: readonly Route[]): typeof HEADERS => {
  const used = new Set([
    ...['X-Request-Id', 'Retry-After', 'WWW-Authenticate', ...LIMITED],
    ...routes.flatMap(({ replyHeaders = [] }) => replyHeaders),
  ]);
  return Object.fromEntries(Object.entries(HEADERS).filter(([name]) => used.has(name)));
};

export const headerReferences = (names: readonly string[]): Reference =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
