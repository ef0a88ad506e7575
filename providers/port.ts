/**
 * Providers run models. An adapter translates to and from one wire format.
 *
 *   call ──► succeeded · failed · unknown
 *     └────► accepted ──► poll ──► pending ──► poll … ──► succeeded · failed · unknown
 *
 * A provider that answers later accepts a job. Its id is recorded before anything waits, so whoever
 * asks next need not be the process that made the call. A callback may bring the same answer as a
 * poll, in any order and any number of times.
 */
import type { Readable } from 'node:stream';
import type { InputMap, Provider } from '../contracts/catalogue/catalogue.js';
import type { RouteRequest } from '../contracts/catalogue/route-request.js';
import type { CanonicalCode, ErrorDetail } from '../contracts/error-codes.js';
import type { Modality, Usage } from '../contracts/events/execution.js';

export interface ProviderCall {
  readonly provider: Provider;
  readonly providerModel: string;
  /** In what the route's requests differ from what the vendor documents. */
  readonly routeRequest?: RouteRequest;
  readonly modality: Modality;
  /** Canonical input, valid against the model's schema. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Of the route: how the provider's model calls what we call otherwise. */
  readonly inputMap?: InputMap;
  /** The files that the input names, by id. One that was deleted since is not among them. */
  readonly files?: ReadonlyMap<string, InputFile>;
  /** Where the provider may tell the end of its job; absent where it cannot reach us. */
  readonly callbackUrl?: string;
  /** Sent as the provider's idempotency key; the same key is the same paid call. */
  readonly dispatchKey: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A job that the provider accepted; `timeoutMs` is for one question about it. */
export interface ProviderJob extends Pick<
  ProviderCall,
  'provider' | 'providerModel' | 'dispatchKey' | 'timeoutMs' | 'signal'
> {
  readonly providerJobId: string;
}

/** With what its output is read by. */
export type PolledJob = ProviderJob & Pick<ProviderCall, 'modality' | 'input' | 'inputMap'> & Heard;

/** How long the sound of the input is, where it is transcribed and its bytes tell it. */
interface Heard {
  readonly heardMs?: number;
}

/**
 * A file of the input, without its name. Its bytes are read when they are asked for, and anew each
 * time; both verbs reject with `InputUnavailable` where the store cannot give them now.
 */
export interface InputFile {
  readonly contentType: string;
  readonly sizeBytes: number;
  /** Of a sound or a film, as its bytes tell it. */
  readonly durationMs?: number;
  /** All of them, in memory: for formats that carry a file inside of JSON. */
  bytes(): Promise<Buffer>;
  /** The same, for formats that carry a file as it is. */
  stream(): Promise<Readable>;
  /**
   * Where the provider may fetch the file itself, for as long as the attempt and a minute; absent
   * where the route asks for bytes, or where the provider could not reach us.
   */
  readonly url?: string;
}

/** A file of the input cannot be read now: nothing was sent, so nothing is owed. */
export class InputUnavailable extends Error {
  constructor(cause: unknown) {
    super('a file of the input cannot be read now', { cause });
    this.name = 'InputUnavailable';
  }
}

/** What a provider produced, in canonical terms, before its files are re-hosted. */
export type ProviderOutput =
  | TextOutput
  | { readonly modality: 'image'; readonly images: readonly ProducedFile[] }
  | { readonly modality: 'audio'; readonly audio: ProducedFile }
  | TranscriptionOutput
  | EmbeddingOutput
  | { readonly modality: 'video'; readonly video: ProducedFile };

/** Where a generation ended; `other` is for a reason that has no word of ours. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'other';

export interface TextOutput {
  readonly modality: 'text';
  readonly text: string;
  readonly finishReason: FinishReason;
  readonly toolCalls?: readonly ToolCall[];
  /** The structured answer, where one was asked for: valid against the schema that was given. */
  readonly json?: unknown;
}

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** As text where the provider sent no valid JSON. */
  readonly arguments: Readonly<Record<string, unknown>> | string;
}

export interface TranscriptionOutput {
  readonly modality: 'transcription';
  readonly text: string;
  readonly language?: string;
  readonly durationMs?: number;
  readonly segments: readonly Segment[];
}

export interface Segment {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
}

/** One vector for each text or image, in their order, all of the same length. */
export interface EmbeddingOutput {
  readonly modality: 'embedding';
  readonly embeddings: readonly (readonly number[])[];
}

/** A data URL is a URL too. */
export type ProducedFile = { readonly url: string } | { readonly base64: string };

/** How an attempt ends. */
export type ProviderResult =
  | { readonly kind: 'succeeded'; readonly output: ProviderOutput; readonly usage: Usage }
  /** It is known that nothing is owed for the call. */
  | {
      readonly kind: 'failed';
      readonly code: CanonicalCode;
      readonly retryable: boolean;
      /** The same route would end the same way, for any caller: only another one is tried. */
      readonly elsewhere?: true;
      readonly retryAfterMs?: number;
      /** Against the provider's health; a 429 or a bad input does not. */
      readonly countsAsFailure: boolean;
      /** For operators; it never quotes a request or an answer. */
      readonly detail: string;
      /** For the caller, in our words: the field, the moderation category, the limit. */
      readonly details?: readonly ErrorDetail[];
    }
  /** The call may have started and be owed for. */
  | { readonly kind: 'unknown'; readonly detail: string };

export type ProviderOutcome =
  | ProviderResult
  /** The provider works on it and answers later. */
  | { readonly kind: 'accepted'; readonly providerJobId: string; readonly pollAfterMs?: number };

export type JobOutcome =
  | ProviderResult
  /** Not done, or the question was not answered: a question is free, and is asked again. */
  | { readonly kind: 'pending'; readonly pollAfterMs?: number; readonly detail?: string };

/** Never throws for what a provider does; every outcome is a value. */
export interface ProviderAdapter {
  call(call: ProviderCall): Promise<ProviderOutcome>;
  /**
   * What became of a job. `failed` and `unknown` are about the job (`unknown`: the provider no
   * longer knows it), never about the question. Absent where providers only call back.
   */
  poll?(job: PolledJob): Promise<JobOutcome>;
  /** Asks the provider to stop; whether it said that it does. Absent where it cannot be asked. */
  cancel?(job: ProviderJob): Promise<boolean>;
  /**
   * By its signature, whether a callback comes from the provider; `unchecked` where that cannot be
   * said now. Absent where the provider does not sign: the URL alone is the proof then.
   */
  checkCallback?(
    callback: ProviderCallback,
    call: Pick<ProviderCall, 'provider' | 'timeoutMs' | 'signal'>,
  ): Promise<'genuine' | 'forged' | 'unchecked'>;
  /** Whether this provider calls back; absent where all that the adapter speaks to do. */
  callsBack?(provider: Provider): boolean;
  /** Asks nobody and never throws. Absent where providers do not call back. */
  readCallback?(
    callback: ProviderCallback,
    call: CalledBack,
  ): CallbackReading | 'unreadable' | Promise<CallbackReading | 'unreadable'>;
}

/** A request that came to the callback URL of an attempt, which nobody else can guess. */
export interface ProviderCallback {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The call of the attempt that was called back. */
export type CalledBack = Pick<
  ProviderCall,
  'provider' | 'providerModel' | 'modality' | 'input' | 'inputMap' | 'dispatchKey'
> &
  Heard;

/** What a callback says. A body that names another job than the attempt's is not believed. */
export interface CallbackReading {
  /** Absent where the provider does not say. */
  readonly providerJobId?: string;
  readonly outcome: JobOutcome;
}

export interface Providers {
  /** The adapter of that name in the catalogue, e.g. `openai-chat`. */
  adapter(name: string): ProviderAdapter;
  close(): Promise<void>;
}
