/**
 * The refusals of a route, by status: each says which codes it may carry. Statuses with the same
 * codes are one component, so that the document says each of them once.
 */
import { errorCatalogue, type ErrorCode } from '../../../contracts/error-codes.js';
import { errorEnvelope, problemSchema } from '../../../contracts/http/parts.js';
import type { JsonSchema, Route } from '../route.js';
import type { Components } from './components.js';
import { everyHeader, headerReferences } from './headers.js';
import type { Reference, Response } from './document.js';

/** Headers that come with a status, beside those of every answer. */
const HEADERS_OF: Readonly<Record<number, readonly string[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

interface Status {
  readonly status: number;
  readonly codes: readonly ErrorCode[];
}

export interface RefusalComponents {
  readonly responses: Readonly<Record<string, Response>>;
  of(route: Route): Readonly<Record<string, Reference>>;
}

export function openRefusals(components: Components): RefusalComponents {
  const envelope = components.reference(errorEnvelope);
  const problem = components.reference(problemSchema);
  const responses: Record<string, Response> = {};
  return {
    responses,
    of(route) {
      const isTenant = route.audience === 'tenant';
      const references = statusesOf(route).map((one): [string, Reference] => {
        const name = `${isTenant ? '' : 'Plain'}${nameOf(one)}`;
        responses[name] ??= responseOf(one, isTenant, { envelope, problem });
        return [String(one.status), { $ref: `#/components/responses/${name}` }];
      });
      return Object.fromEntries(references);
    },
  };
}

function statusesOf(route: Route): readonly Status[] {
  const byStatus = new Map<number, ErrorCode[]>([[408, ['INPUT_VALIDATION_ERROR']]]);
  for (const code of new Set(codesOf(route))) {
    const { status } = errorCatalogue[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return [...byStatus].sort(([a], [b]) => a - b).map(([status, codes]) => ({ status, codes }));
}

/** Every route may meet a request that is not valid, too large or too slow, and an outage. */
function codesOf(route: Route): readonly ErrorCode[] {
  const { audience, refusals = [] } = route;
  return [
    'INPUT_VALIDATION_ERROR',
    'PAYLOAD_TOO_LARGE',
    ...(audience === 'link' ? [] : (['UNAUTHORIZED', 'FORBIDDEN'] as const)),
    ...(audience === 'tenant' ? (['RATE_LIMITED'] as const) : []),
    ...refusals,
    'SERVICE_UNAVAILABLE',
    'INTERNAL_ERROR',
  ];
}

/** `InputValidationErrorOrFileNotFound`; a request that is too slow shares a code with others. */
const nameOf = ({ status, codes }: Status): string =>
  `${status === 408 ? 'TooSlow' : ''}${codes.map(pascal).join('Or')}`;

const pascal = (code: string): string =>
  code.toLowerCase().replaceAll(/(^|_)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());

interface Shapes {
  readonly envelope: JsonSchema;
  readonly problem: JsonSchema;
}

function responseOf({ status, codes }: Status, isTenant: boolean, shapes: Shapes): Response {
  const code = { enum: codes };
  const messageOf = (one: ErrorCode) =>
    status === 408 ? 'The request took too long to arrive.' : errorCatalogue[one].message;
  const examples = codes.map((one) => {
    const { retryable } = errorCatalogue[one];
    const error = { code: one, message: messageOf(one), retryable, request_id: REQUEST_ID };
    return [one, { summary: messageOf(one), value: { error } }] as const;
  });
  const inEnvelope = { properties: { error: { properties: { code } } } };
  const headers = [...everyHeader(isTenant), ...(HEADERS_OF[status] ?? [])];
  return {
    description: codes.map((one) => `\`${one}\`: ${messageOf(one)}`).join(' '),
    headers: headerReferences(headers),
    content: {
      'application/json': {
        schema: { allOf: [shapes.envelope, inEnvelope] },
        examples: Object.fromEntries(examples),
      },
      'application/problem+json': { schema: { allOf: [shapes.problem, { properties: { code } }] } },
    },
  };
}

const REQUEST_ID = 'req_0b1e7a34-6f0c-4a53-9d0e-8f3c5b1a2d47';
