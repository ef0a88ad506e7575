/** The catalogue: models → routes → providers. What operators write; callers see only `Model`s. */
import type { Modality, Usage } from '../events/execution.js';
import type { Micros } from '../money.js';
import type { Capabilities, Promises } from './capabilities.js';
import type { GenericEntry } from './generic-entry.js';
import type { Price } from './price-units.js';
import type { RouteRequest } from './route-request.js';

export interface Breaker {
  readonly failuresToOpen: number;
  readonly successesToClose: number;
  readonly openMs: number;
  readonly halfOpenProbes: number;
}

/**
 * How a provider is given the files of an input. `url`: it fetches them itself. `base64`: inside of
 * the request, from memory. `multipart` and `passthrough`: as parts of the body, or as the body.
 */
export type FileInput = 'url' | 'base64' | 'multipart' | 'passthrough';

/** How often a provider is asked about a job that it has accepted. */
export interface Poll {
  /** From the acceptance to the first question. */
  readonly firstMs: number;
  /** The shortest pause between two questions; pauses grow with the age of the job. */
  readonly everyMs: number;
  readonly maxMs: number;
}

/** Where a credential goes: the header in lower case, and the word before it, if there is one. */
export interface Auth {
  readonly header: string;
  readonly scheme?: string;
}

/** One of our accounts at a provider, and what all processes together may ask it for. */
export interface Account {
  readonly name: string;
  readonly credentialEnv?: string;
  readonly credentialFile?: string;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

export interface Provider {
  readonly slug: string;
  readonly adapter: string;
  readonly baseUrl: string;
  /** Name of the environment variable that holds the credential. */
  readonly credentialEnv?: string;
  /** Path of the file that holds it; goes before the variable. */
  readonly credentialFile?: string;
  /** No version is added to the base URL. */
  readonly isBaseUrlWhole?: boolean;
  /** Name of the variable with the secret by which its callbacks are signed. */
  readonly webhookSecretEnv?: string;
  /** Where the public keys of its callbacks are; the vendor's own place unless it is said. */
  readonly webhookKeysUrl?: string;
  /** Goes before what the vendor does. */
  readonly auth?: Auth;
  /** Sent with every call, by names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Added to the path of every call. */
  readonly query?: Readonly<Record<string, string>>;
  /** In lower case; `idempotency-key` unless it is said, `none` where no key is sent. */
  readonly idempotencyHeader?: string;
  /** Statuses after which the work may be done all the same, beside those that ADR 32 names. */
  readonly unknownStatuses?: readonly number[];
  /** What is kept of an answer; goes before the adapter's own limit. */
  readonly answerBytesMax?: number;
  /** The provider answers a repeated call with the same idempotency key without a second charge. */
  readonly honoursIdempotencyKey: boolean;
  /** The whole attempt: one call, or from its dispatch until an accepted job is done. */
  readonly timeoutMs: number;
  /** Concurrent calls; an accepted job counts until it is done. */
  readonly bulkhead: number;
  /** In memory, `base64`, unless given. */
  readonly fileInput?: FileInput;
  readonly breaker: Breaker;
  readonly poll: Poll;
  /** Absent where there is one without limits. */
  readonly accounts?: readonly Account[];
  /** What the adapter generic-json goes by. */
  readonly generic?: GenericEntry;
}

/**
 * Canonical name → the name that the provider's model has for it; null: it is not sent. What is not
 * mentioned is sent as it is.
 */
export type InputMap = Readonly<Record<string, string | null>>;

export interface Route {
  /** `<model slug>/<provider slug>` unless named. */
  readonly name: string;
  readonly provider: string;
  /** The provider's own name of the model. */
  readonly providerModel: string;
  /** How the provider's model calls what we call otherwise. */
  readonly inputMap?: InputMap;
  /** What the caller pays. */
  readonly price: Price;
  /** What we pay. */
  readonly cost: Price;
  /** Smaller is preferred among equals; 0 unless given. */
  readonly priority: number;
  /** Its share among routes that are about as good; absent: the catalogue's order decides. */
  readonly weight?: number;
  readonly capabilities?: Capabilities;
  readonly promises?: Promises;
  readonly request?: RouteRequest;
}

export interface Model {
  readonly slug: string;
  readonly name: string;
  readonly description: string;
  readonly modality: Modality;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly outputSchema: Readonly<Record<string, unknown>>;
  readonly expiresInSeconds: number;
  /** Attempts over all routes before the execution fails. */
  readonly attemptsMax: number;
  /** How long an execution waits while all its routes rest, before it fails. */
  readonly maxWaitMs: number;
  /**
   * The provider cost that may be lost for one execution, to spare its caller the failure: up to
   * it another provider is called after an outcome that is unknown. 0: never.
   */
  readonly unknownMaxCost: Micros;
  /** What one request may use at most, for the estimate, when the input does not say. */
  readonly usageDefault: Usage;
  /** Content types of files that it takes, `image/*` for all of a kind; any unless given. */
  readonly accepts?: readonly string[];
  /** How long what it produces is kept; as long as the organization's files unless given. */
  readonly fileTtlDays?: number;
  /** After so many days the payloads of its executions are erased; never unless given. */
  readonly payloadTtlDays?: number;
  readonly routes: readonly Route[];
}

export interface Catalogue {
  /** SHA-256 (first 16 hex) of the source text. */
  readonly version: string;
  readonly models: ReadonlyMap<string, Model>;
  readonly providers: ReadonlyMap<string, Provider>;
}
