/**
 * Traces of requests, from the caller's through queue and provider to the webhook. They are for
 * the operator's collector: names of providers may stand in them, but no prompt, output, key or
 * header of a tenant.
 */
export interface Tracing {
  /** Never throws, never waits. What cannot be sent is dropped. */
  begin(name: string, about: SpanStart): Span;
  /** Sends what is left, for a bounded time. */
  close(): Promise<void>;
}

export interface SpanStart {
  /** W3C Trace Context of what it is a part of; without one it begins a trace. */
  readonly parent: string | undefined;
  /** `server`: a request to us; `client`: a call that we make; `internal` unless given. */
  readonly kind?: 'server' | 'client' | 'internal';
  /** Milliseconds since the epoch; now unless given. */
  readonly startMs?: number;
}

export interface Span {
  /** W3C Trace Context of this span, for what is a part of it. */
  readonly traceparent: string;
  /** Once; `endMs`: when it ended, now unless given. `error`: a word for what went wrong. */
  end(attributes: SpanAttributes, error?: string, endMs?: number): void;
}

export type SpanAttributes = Readonly<Record<string, string | number | undefined>>;

/** W3C Trace Context, version 00, as far as callers may name it. */
const traceparentForm = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Undefined for what is none. */
export const traceparentIn = (header: string | undefined): string | undefined =>
  header !== undefined && traceparentForm.test(header) ? header : undefined;
