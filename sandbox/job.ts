/** What an endpoint makes of a valid request: work to be done, then an answer to be sent. */
import { type ApiError } from './api-error.js';

export type Parsed = { readonly refusal: ApiError } | { readonly model: string; readonly job: Job };

export interface Job {
  /** Of the answer. */
  readonly status: 200 | 201 | 202;
  /** Whether the provider is owed for it. */
  readonly isPaid: boolean;
  /** The part that takes a while, done before anything is paid; null when there is none. */
  readonly work: (() => Promise<void>) | null;
  /** A pure function of request and stamp: a replay with the first stamp is the first answer. */
  answer(stamp: Stamp): Answer;
}

interface Stamp {
  /** 64 hex digits that name this piece of work. */
  readonly digest: string;
  readonly createdSeconds: number;
}

export interface Answer {
  readonly body: object;
  /** The very object that stands in the body as its usage. */
  readonly usage: Readonly<Record<string, unknown>>;
  /** What is sent in the place of the body, such as a sound. */
  readonly bytes?: { readonly contentType: string; readonly content: Buffer };
}
