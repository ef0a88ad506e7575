/** A request as handlers see it, over Node's; nothing is computed before it is asked for. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Networks } from '../../infra/networks/networks.js';
import { clientAddress } from './client-address.js';
import { traceparentIn, type Span } from '../../infra/tracing/port.js';
import type { ApiRequest } from './route.js';

export class IncomingRequest implements ApiRequest {
  readonly requestId: string;
  actor = '';
  body: unknown = undefined;
  rawBody: Buffer = NO_BYTES;
  bodyItems: readonly Buffer[] = NO_ITEMS;
  bodyStream: ApiRequest['bodyStream'] = noStream;
  queryValues: Readonly<Record<string, unknown>> = NO_VALUES;
  span: Span | undefined;
  private ending: AbortSignal | undefined;

  constructor(
    private readonly incoming: IncomingMessage,
    readonly params: Readonly<Record<string, string>>,
    readonly receivedAt: number,
    private readonly response: ServerResponse,
    private readonly closing: AbortSignal,
    private readonly proxies: Networks | undefined,
  ) {
    this.requestId = requestIdOf(incoming);
  }

  get ended(): AbortSignal {
    return (this.ending ??= endOf(this.response, this.closing));
  }

  get traceparent(): string | undefined {
    return this.span?.traceparent ?? traceparentIn(this.header('traceparent'));
  }

  get method(): string {
    return this.incoming.method ?? '';
  }

  get path(): string {
    const target = this.target;
    const mark = target.indexOf('?');
    return mark < 0 ? target : target.slice(0, mark);
  }

  get query(): URLSearchParams {
    const target = this.target;
    const mark = target.indexOf('?');
    return new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
  }

  get ip(): string {
    return clientAddress(this.incoming, this.proxies);
  }

  header(name: string): string | undefined {
    const value = this.incoming.headers[name];
    return typeof value === 'string' || value === undefined ? value : value.join(', ');
  }

  headers(): Readonly<Record<string, string>> {
    const named: Record<string, string> = {};
    for (const name of Object.keys(this.incoming.headers)) named[name] = this.header(name) ?? '';
    return named;
  }

  private get target(): string {
    return this.incoming.url ?? '/';
  }
}

/** The end of the answer and of the server, whichever comes first. */
function endOf(response: ServerResponse, closing: AbortSignal): AbortSignal {
  const ending = new AbortController();
  const end = () => {
    closing.removeEventListener('abort', end);
    ending.abort();
  };
  closing.addEventListener('abort', end);
  response.once('close', end);
  if (closing.aborted || response.destroyed) end();
  return ending.signal;
}

const noStream = (): never => {
  throw new Error('this route takes no stream');
};

const NO_BYTES = Buffer.alloc(0);

const NO_ITEMS: readonly Buffer[] = Object.freeze([]);

const NO_VALUES: Readonly<Record<string, unknown>> = Object.freeze({});

const saneId = /^[\x21-\x7e]{1,128}$/;

/** A caller's own id is kept when it is short and visible: it goes into logs and headers. */
function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && saneId.test(given) ? given : `req_${randomUUID()}`;
}
