/**
 * A route reads like its documentation: parse, name, decide, answer. Its handler is a plain
 * function of request to reply and never touches `response`.
 */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Promises } from '../../contracts/catalogue/capabilities.js';
import type { ErrorCode, ErrorDetail } from '../../contracts/error-codes.js';
import type { OperatorCapability } from '../../contracts/http/operator-roles.js';
import type { ApiKeyId, OrganizationId } from '../../contracts/ids.js';
import type { Permission } from '../../contracts/events/api-key.js';
import type { RequestRate } from '../../contracts/events/organization.js';
import type { Scope } from '../../contracts/http/permissions.js';
import type { Networks } from '../../infra/networks/networks.js';

export interface Caller {
  readonly organizationId: OrganizationId;
  readonly keyId: ApiKeyId;
  readonly permission: Permission;
  /** What of its limit of requests is its own; absent where nothing is. */
  readonly requestRate?: Partial<RequestRate>;
  /** From where the key may be used; absent: from everywhere. */
  readonly networks?: Networks;
  /** The models that may be run with the key; absent: all. */
  readonly allowedModels?: ReadonlySet<string>;
  /** What its key and its organization require of each execution; absent: nothing. */
  readonly requires?: readonly Promises[];
}

export interface ApiRequest {
  readonly method: string;
  /** Path as it was asked for, without the query. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The query as the route's `querySchema` types it, defaults filled in; empty without one. */
  readonly queryValues: Readonly<Record<string, unknown>>;
  /** One header by its lower-case name; undefined when absent. */
  header(name: string): string | undefined;
  /** The parsed JSON body of routes that declare one; undefined otherwise. */
  readonly body: unknown;
  /** The body as it came, of routes with `takesRawBody`. */
  readonly rawBody: Buffer;
  /** The texts of the body's items, of routes with `bodyItems`. */
  readonly bodyItems: readonly Buffer[];
  /**
   * The body as it comes, of routes with `takesStream`; a refusal where more is announced. The
   * stream breaks with a `Refusal` for what is too large or too slow.
   */
  bodyStream(bytesMax: number): Readable | Refusal;
  /** Aborts when the caller hangs up, and when the server closes: what waits answers at once. */
  readonly ended: AbortSignal;
  /** Every header by its lower-case name. */
  headers(): Readonly<Record<string, string>>;
  readonly requestId: string;
  /** W3C Trace Context of what follows from it; the caller's own where there are no traces. */
  readonly traceparent: string | undefined;
  readonly ip: string;
  /** Who asks: a key's id, `operator` or `operator:<key id>`; empty before that is known. */
  readonly actor: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

export interface Reply {
  readonly status: number;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A JSON value; `undefined` with neither `raw` nor `stream` is an answer without a body. */
  readonly body?: unknown;
  /** Bytes with a `content-type` (and, where known, a `content-length`) among the headers. */
  readonly stream?: Readable;
  /** The stream goes on for as long as something happens, and breaks when its caller's key ends. */
  readonly isLive?: true;
  /** Text or bytes with a `content-type` among the headers. */
  readonly raw?: string | Buffer;
  /** Further fields of the request's log line, e.g. the execution's id. */
  readonly logFields?: Readonly<Record<string, string | number>>;
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

/** The one list of a large body. */
export interface ItemsOfBody {
  readonly field: string;
  readonly itemsMax: number;
  /** Of the whole body. */
  readonly bytesMax: number;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

interface RouteShape {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/executions/{id}`: below `/v1` (and `/api/v1`), or `/admin/v1` for operators. */
  readonly path: string;
  readonly summary: string;
  /** A paragraph for the reference page. */
  readonly description?: string;
  readonly tag: string;
  /** JSON Schema of the body; its presence means that a JSON object is required. */
  readonly bodySchema?: JsonSchema;
  /**
   * Its body may be as large as that, since the items of its one list are read one by one: the
   * handler is given their texts, in whose places the body has zeros. Its schema's `items` are for
   * the reference page.
   */
  readonly bodyItems?: ItemsOfBody;
  /** A request without a body is one with an empty object. */
  readonly isBodyOptional?: true;
  /** Its body may be anything, of at most 1 MB; it is not parsed. */
  readonly takesRawBody?: true;
  /** Its handler reads the body as a stream, which is held nowhere. */
  readonly takesStream?: true;
  /** JSON Schema of an object; parameters not in it are refused if it says so. */
  readonly querySchema?: JsonSchema;
  /** Its name in generated clients; the one that method and path give unless said. */
  readonly operationId?: string;
  /** Request headers that the route reads, by name: what each is for, or its JSON Schema. */
  readonly headers?: Readonly<Record<string, string | JsonSchema>>;
  /** By status: the JSON Schema of the body, or a sentence where the answer is not JSON. */
  readonly replySchemas: Readonly<Record<number, JsonSchema | string>>;
  /** Other media types in which a success may come (`text/csv`), with a schema and an example. */
  readonly replyTypes?: Readonly<Record<string, JsonSchema>>;
  /** Headers of a success beyond those of every answer, by their names in `openapi/headers.ts`. */
  readonly replyHeaders?: readonly string[];
  /** The codes with which this route refuses, beyond those of every route. */
  readonly refusals?: readonly ErrorCode[];
}

/** A tenant's route: the caller is the key's organization. */
interface TenantRoute extends RouteShape {
  readonly audience: 'tenant';
  /** The scope that the key's permission must have. */
  readonly permission: Scope;
  handle(request: ApiRequest, caller: Caller): Promise<Reply | Refusal>;
}

/** An operator's route, under `/admin/v1`. */
interface OperatorRoute extends RouteShape {
  readonly audience: 'operator';
  /** What a role must include; `read` for a GET and `manage` for others, unless given. */
  readonly needs?: OperatorCapability;
  handle(request: ApiRequest): Promise<Reply | Refusal>;
}

/**
 * A route for whoever knows its address, which carries its own proof: the handler checks it. It is
 * described to callers only where they are given such addresses.
 */
interface LinkRoute extends RouteShape {
  readonly audience: 'link';
  readonly isDescribed?: true;
  handle(request: ApiRequest): Promise<Reply | Refusal>;
}

export type Route = TenantRoute | OperatorRoute | LinkRoute;

/** An answer beside the API (`/healthz`, `/openapi.json`) to anybody's GET, unless guarded. */
export interface Mount {
  readonly path: string;
  /** Stands for all that nothing answers. */
  readonly isUnmatched?: boolean;
  /** Throws a `Refusal` for a request that may not have it. */
  guard?(incoming: Pick<IncomingMessage, 'headers'>): void;
  handle(request: ApiRequest): Promise<Reply | Refusal>;
}

export const operatorNeedOf = ({ method, ...route }: Route): OperatorCapability =>
  ('needs' in route && route.needs) || (method === 'GET' ? 'read' : 'manage');
