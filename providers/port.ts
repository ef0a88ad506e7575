/**
 * Providers run models. An adapter translates to and from one wire format.
 *
 *   call ──► succeeded · failed · unknown
 *     └────► accepted ──► poll ──► pending ──► poll … ──► succeeded · failed · unknown
 *
 * A provider that answers later accepts a job. Its id is recorded before anything waits, so whoever
 * asks next need not be the process that made the call. A callback may bring the same answer as a
 * poll; both are read by the same function of the adapter.
 */
import type { Provider } from '../contracts/catalogue/catalogue.js';
import type { CanonicalCode } from '../contracts/error-codes.js';
import type { Modality, Usage } from '../contracts/events/execution.js';

export interface ProviderCall {
  readonly provider: Provider;
  readonly providerModel: string;
  readonly modality: Modality;
  /** Canonical input, valid against the model's schema. */
  readonly input: Readonly<Record<string, unknown>>;
  /** The files that the input names by id; an adapter never fetches one itself. */
  readonly files?: ReadonlyMap<string, InputFile>;
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
export type PolledJob = ProviderJob & Pick<ProviderCall, 'modality' | 'input'>;

export interface InputFile {
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** What a provider produced, in canonical terms, before its files are re-hosted. */
export type ProviderOutput =
  | { readonly modality: 'text'; readonly text: string; readonly finishReason: string }
  | { readonly modality: 'image'; readonly images: readonly ProducedFile[] };

export type ProducedFile = { readonly url: string } | { readonly base64: string };

/** How an attempt ends. */
export type ProviderResult =
  | { readonly kind: 'succeeded'; readonly output: ProviderOutput; readonly usage: Usage }
  /** It is known that nothing is owed for the call. */
  | {
      readonly kind: 'failed';
      readonly code: CanonicalCode;
      readonly retryable: boolean;
      readonly retryAfterMs?: number;
      /** Against the provider's health; a 429 or a bad input does not. */
      readonly countsAsFailure: boolean;
      readonly detail: string;
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
}

export interface Providers {
  /** The adapter of that name in the catalogue, e.g. `openai-chat`. */
  adapter(name: string): ProviderAdapter;
  close(): Promise<void>;
}
