/** The facts of one execution, from its acceptance to its one terminal state. */
import type { Promises } from '../catalogue/capabilities.js';
import type { CanonicalCode, ErrorDetail } from '../error-codes.js';
import type { ApiKeyId, BatchId, ExecutionId, FileId, HoldId, OrganizationId } from '../ids.js';
import type { Micros } from '../money.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { routeCandidate, type RouteCandidate } from './route-candidate.js';
import {
  anything,
  count,
  eventSchema,
  flag,
  id,
  listOf,
  money,
  oneOf,
  payloadRef,
  record,
  requirements,
  size,
  slug,
  text,
  timestamp,
} from './schema-parts.js';

export const modalities = [
  'text',
  'image',
  'audio',
  'transcription',
  'embedding',
  'video',
] as const;

/** What a model produces. `audio` is speech from text, `transcription` text from speech. */
export type Modality = (typeof modalities)[number];

/** Where a payload lies, and what its bytes must hash to. */
export interface PayloadRef {
  readonly ref: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** A body of 1 MB has no room for more ids. */
const INPUT_FILES_MAX = 25_000;

/** On every execution event, so that nothing has to look back. */
export interface ExecutionFact {
  readonly executionId: ExecutionId;
  readonly organizationId: OrganizationId;
  readonly at: Timestamp;
}

/** A file that a provider produced, as callers see it. */
export interface OutputFile {
  readonly fileId: FileId;
  readonly contentType: string;
  readonly format: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly width?: number;
  readonly height?: number;
  readonly durationMs?: number;
  /** Of numbers: how many rows, and how many numbers each has. */
  readonly shape?: readonly number[];
}

/** What was used, in the units that prices are written in. */
export interface Usage {
  /** All of them, those from a cache included. */
  readonly inputTokens?: number;
  readonly cachedInputTokens?: number;
  /** All of them, those of reasoning included. */
  readonly outputTokens?: number;
  readonly reasoningTokens?: number;
  readonly images?: number;
  /** Of all images together: width × height. */
  readonly pixels?: number;
  readonly seconds?: number;
  /** Unicode code points of a text that is spoken. */
  readonly characters?: number;
}

/** The caller asked, the money is held, and the caller is (or may be) answered 202. */
export type ExecutionRequested = DomainEvent<
  'ExecutionRequested',
  ExecutionFact & {
    readonly apiKeyId: ApiKeyId;
    readonly idempotencyKey: string;
    readonly bodyHash: string;
    readonly model: string;
    readonly modality: Modality;
    readonly input: PayloadRef;
    /** The files that the input names; absent where it names none. */
    readonly files?: readonly FileId[];
    readonly metadata: Readonly<Record<string, string>>;
    readonly webhookUrl?: string;
    /** What `webhookUrl` is told; the four classic events when absent. */
    readonly webhookEvents?: readonly string[];
    readonly estimatedCost: Micros;
    readonly holdAmount: Micros;
    readonly holdId: HoldId;
    readonly expiresAt: Timestamp;
    readonly catalogueVersion: string;
    /** Tried in order when the routes of the models before are exhausted. */
    readonly fallbackModels?: readonly string[];
    /** What its caller and its organization require of where it is worked on. */
    readonly require?: Promises;
    /** The most that it was estimated to use. */
    readonly estimatedUsage?: Usage;
    /** The execution whose input this one repeats. */
    readonly retryOf?: ExecutionId;
    /** The batch that it was submitted in. */
    readonly batchId?: BatchId;
  }
>;

/** An attempt is claimed: one provider may be called under `dispatchKey` until `deadline`. */
export type ProviderDispatched = DomainEvent<
  'ProviderDispatched',
  ExecutionFact & {
    readonly attempt: number;
    readonly provider: string;
    readonly route: string;
    readonly dispatchKey: string;
    readonly deadline: Timestamp;
    readonly candidates: readonly RouteCandidate[];
    /** Which of our accounts at the provider was used, where it has several or a limit. */
    readonly account?: string;
    /** Where it is not the model that was asked for. */
    readonly model?: string;
    /** Where the route promises to work on it, as the catalogue said at that moment. */
    readonly region?: string;
    /** Present where providers may have been paid before: so much of it may be lost. */
    readonly unknownMaxCost?: Micros;
  }
>;

/** The provider took the job and will call back or can be polled. */
export type ProviderAccepted = DomainEvent<
  'ProviderAccepted',
  ExecutionFact & {
    readonly attempt: number;
    readonly providerJobId: string;
    /** When the provider is first asked about the job; absent where it is not polled. */
    readonly pollAt?: Timestamp;
  }
>;

/**
 * The provider delivered; files may still have to be re-hosted. The price is by what its answer
 * says; what only the files can say (pixels, seconds, how many are kept) is in the completion.
 */
export type ProviderSucceeded = DomainEvent<
  'ProviderSucceeded',
  ExecutionFact & {
    readonly attempt: number;
    readonly provider: string;
    readonly route: string;
    readonly output: PayloadRef;
    readonly usage: Usage;
    /** What will be charged: the price, within the hold. */
    readonly cost: Micros;
    /** The price, where the hold does not cover it. */
    readonly ratedCost?: Micros;
    readonly providerCost: Micros;
  }
>;

/** What the caller is told beside the code: what exactly is wrong, and when to ask again. */
export interface Advice {
  readonly details?: readonly ErrorDetail[];
  readonly retryAfterSeconds?: number;
}

/** The attempt failed for sure; `detail` is for operators only, `details` for the caller. */
export type ProviderFailed = DomainEvent<
  'ProviderFailed',
  ExecutionFact & {
    readonly attempt: number;
    readonly provider: string;
    readonly route: string;
    readonly code: CanonicalCode;
    readonly retryable: boolean;
    /** Only other routes may be tried: this one would answer the same again. */
    readonly elsewhere?: true;
    readonly notBefore?: Timestamp;
    readonly detail: string;
    readonly details?: readonly ErrorDetail[];
  }
>;

/** The call may have been made and paid, and nobody knows its end. */
export type ProviderOutcomeUnknown = DomainEvent<
  'ProviderOutcomeUnknown',
  ExecutionFact & {
    readonly attempt: number;
    readonly provider: string;
    readonly route: string;
    readonly reason: string;
    /** What the provider is owed at most, if it did the work; absent where nobody can tell. */
    readonly mayHaveCost?: Micros;
    /** Whether the same call may be made again under its key; absent: it may, if it goes on. */
    readonly repeatable?: boolean;
    readonly notBefore?: Timestamp;
  }
>;

/** Done: the output is ours to serve and the cost is due. */
export type ExecutionCompleted = DomainEvent<
  'ExecutionCompleted',
  ExecutionFact & {
    readonly attempt: number;
    readonly holdId: HoldId;
    readonly output: PayloadRef;
    readonly files: readonly OutputFile[];
    readonly summary: Readonly<Record<string, unknown>>;
    readonly usage: Usage;
    /** What is charged: the price, within the hold. */
    readonly cost: Micros;
    /** The price, where the hold does not cover it; for operators only. */
    readonly ratedCost?: Micros;
    /** What we owe the provider; for operators only. */
    readonly providerCost: Micros;
    readonly latencyMs: number;
    /** Why a part of the output was not kept; for operators only. */
    readonly detail?: string;
  }
>;

/** Over without a result; the hold goes back in full. */
export type ExecutionFailed = DomainEvent<
  'ExecutionFailed',
  ExecutionFact &
    Advice & {
      readonly holdId: HoldId;
      readonly code: CanonicalCode;
      readonly message: string;
      readonly retryable: boolean;
      /** Why, where no attempt says it; for operators only. */
      readonly detail?: string;
    }
>;

/** The caller called it off. */
export type ExecutionCancelled = DomainEvent<
  'ExecutionCancelled',
  ExecutionFact & { readonly holdId: HoldId }
>;

/** Its time ran out before it was done. */
export type ExecutionExpired = DomainEvent<
  'ExecutionExpired',
  ExecutionFact & { readonly holdId: HoldId }
>;

/** A hold was placed, but the request never followed: nobody got a 202, the key may ask again. */
export type ExecutionAbandoned = DomainEvent<
  'ExecutionAbandoned',
  ExecutionFact & { readonly holdId: HoldId }
>;

export type ExecutionEvent =
  | ExecutionRequested
  | ProviderDispatched
  | ProviderAccepted
  | ProviderSucceeded
  | ProviderFailed
  | ProviderOutcomeUnknown
  | ExecutionCompleted
  | ExecutionFailed
  | ExecutionCancelled
  | ExecutionExpired
  | ExecutionAbandoned;

const fact = { executionId: id('exec'), organizationId: id('org'), at: timestamp };
const attempt = { ...fact, attempt: { ...count, minimum: 1 } };
const onRoute = { ...attempt, provider: text, route: text };
const ending = { ...fact, holdId: id('hold') };
export const usage = record({
  'inputTokens?': size,
  'cachedInputTokens?': size,
  'outputTokens?': size,
  'reasoningTokens?': size,
  'images?': count,
  'pixels?': size,
  'seconds?': { ...size, type: 'number' },
  'characters?': size,
});
const details = listOf(record({ 'field?': text, code: text, message: text }));
const outputFile = record({
  fileId: id('file'),
  contentType: text,
  format: text,
  sizeBytes: size,
  sha256: text,
  'width?': count,
  'height?': count,
  'durationMs?': size,
  'shape?': listOf(size),
});

export const executionSchemas: Record<ExecutionEvent['type'], EventSchema> = {
  ExecutionRequested: eventSchema('The caller asked and the money is held.', {
    ...fact,
    apiKeyId: id('key'),
    idempotencyKey: { type: 'string', minLength: 1, maxLength: 510 },
    bodyHash: text,
    model: slug,
    modality: oneOf(...modalities),
    input: payloadRef,
    'files?': { type: 'array', items: id('file'), maxItems: INPUT_FILES_MAX },
    metadata: { type: 'object', additionalProperties: text, maxProperties: 16 },
    'webhookUrl?': text,
    'webhookEvents?': listOf(text),
    estimatedCost: money,
    holdAmount: money,
    holdId: id('hold'),
    expiresAt: timestamp,
    catalogueVersion: text,
    'fallbackModels?': listOf(slug),
    'require?': requirements,
    'estimatedUsage?': usage,
    'retryOf?': id('exec'),
    'batchId?': id('batch'),
  }),
  ProviderDispatched: eventSchema('An attempt is claimed and may call its provider.', {
    ...onRoute,
    dispatchKey: text,
    deadline: timestamp,
    candidates: listOf(routeCandidate),
    'unknownMaxCost?': money,
    'account?': text,
    'model?': slug,
    'region?': text,
  }),
  ProviderAccepted: eventSchema('The provider took the job and will call back or can be polled.', {
    ...attempt,
    providerJobId: text,
    'pollAt?': timestamp,
  }),
  ProviderSucceeded: eventSchema('The provider delivered; files may still be re-hosted.', {
    ...onRoute,
    output: payloadRef,
    usage,
    cost: money,
    'ratedCost?': money,
    providerCost: money,
  }),
  ProviderFailed: eventSchema('The attempt failed for sure.', {
    ...onRoute,
    code: text,
    retryable: flag,
    'elsewhere?': flag,
    'notBefore?': timestamp,
    detail: text,
    'details?': details,
  }),
  ProviderOutcomeUnknown: eventSchema('The call may have been made; nobody knows its end.', {
    ...onRoute,
    reason: text,
    'mayHaveCost?': money,
    'repeatable?': flag,
    'notBefore?': timestamp,
  }),
  ExecutionCompleted: eventSchema('The output is ours to serve and the cost is due.', {
    ...attempt,
    holdId: id('hold'),
    output: payloadRef,
    files: listOf(outputFile),
    summary: { type: 'object', additionalProperties: anything },
    usage,
    cost: money,
    'ratedCost?': money,
    providerCost: money,
    latencyMs: size,
    'detail?': text,
  }),
  ExecutionFailed: eventSchema('Over without a result.', {
    ...ending,
    code: text,
    message: text,
    retryable: flag,
    'detail?': text,
    'details?': details,
    'retryAfterSeconds?': size,
  }),
  ExecutionCancelled: eventSchema('The caller called it off.', ending),
  ExecutionExpired: eventSchema('Its time ran out.', ending),
  ExecutionAbandoned: eventSchema('A hold whose request never followed.', ending),
};
