/** Providers: those who run models. An adapter translates to and from one wire format. */
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

export interface InputFile {
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** What a provider produced, in canonical terms, before its files are re-hosted. */
export type ProviderOutput =
  | { readonly modality: 'text'; readonly text: string; readonly finishReason: string }
  | { readonly modality: 'image'; readonly images: readonly ProducedFile[] };

export type ProducedFile = { readonly url: string } | { readonly base64: string };

export type ProviderOutcome =
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

export interface ProviderAdapter {
  /** Never throws for what a provider does; every outcome is a value. */
  call(call: ProviderCall): Promise<ProviderOutcome>;
}

export interface Providers {
  /** The adapter of that name in the catalogue, e.g. `openai-chat`. */
  adapter(name: string): ProviderAdapter;
  close(): Promise<void>;
}
