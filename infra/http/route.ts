/**
 * A route reads like its documentation: parse, name, decide, answer. Its handler is a plain function
 * of request to reply and never touches `response`, so it is the same behind Express and below it.
 */
import type { ErrorCode, ErrorDetail } from '../../contracts/error-codes.js';
import type { ApiKeyId, OrganizationId } from '../../contracts/ids.js';
import type { Permission } from '../../contracts/events/organization.js';
import type { Readable } from 'node:stream';

export interface Caller {
  readonly organizationId: OrganizationId;
  readonly keyId: ApiKeyId;
  readonly permission: Permission;
}

export interface ApiRequest {
  readonly method: string;
  /** Path below `/v1` or `/admin/v1`, without the query. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** One header by its lower-case name; undefined when absent. */
  header(name: string): string | undefined;
  /** The parsed JSON body of routes that declare one; undefined otherwise. */
  readonly body: unknown;
  readonly requestId: string;
  readonly ip: string;
  readonly receivedAt: number;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON value; or bytes, text or a stream with a `content-type` among the headers. */
  readonly body?: unknown;
  readonly stream?: Readable;
  readonly raw?: string | Buffer;
}

/** Thrown or returned by handlers alike; answered in the envelope with its code's status. */
export class Refusal extends Error {
  constructor(
    readonly code: ErrorCode,
    message?: string,
    readonly details?: readonly ErrorDetail[],
    readonly headers?: Readonly<Record<string, string>>,
  ) {
    super(message ?? code);
    this.name = 'Refusal';
  }
}

interface RouteShape {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/executions/{id}`: below `/v1` (and `/api/v1`), or `/admin/v1` for operators. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  /** JSON Schema of the body; its presence means that a JSON object is required. */
  readonly bodySchema?: Readonly<Record<string, unknown>>;
  readonly querySchema?: Readonly<Record<string, unknown>>;
  readonly replySchemas: Readonly<Record<number, Readonly<Record<string, unknown>> | string>>;
  /** Answered on `http.Server` before Express; only for routes whose cost is the framework. */
  readonly hot?: boolean;
}

/** A tenant's route: the caller is the key's organization. */
export interface TenantRoute extends RouteShape {
  readonly audience: 'tenant';
  /** `FULL` unless the route serves executions and files. */
  readonly permission: Permission;
  handle(request: ApiRequest, caller: Caller): Promise<Reply>;
}

/** An operator's route, under `/admin/v1`. */
export interface OperatorRoute extends RouteShape {
  readonly audience: 'operator';
  handle(request: ApiRequest): Promise<Reply>;
}

export type Route = TenantRoute | OperatorRoute;
