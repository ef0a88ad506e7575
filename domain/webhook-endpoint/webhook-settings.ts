/**
 * What an organization set up for its webhooks, as its events come to it. Plain data: it goes into
 * snapshots as JSON.
 */
import type { WebhookEventType } from '../../contracts/events/delivery.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type {
  AskedUnderKey,
  DisabledCause,
  EndpointSettings,
  WebhookEndpointEvent,
} from '../../contracts/events/webhook-endpoint.js';
import type { WebhookEndpointId } from '../../contracts/ids.js';
import { CLASSIC_EVENTS } from '../../contracts/webhooks/body.js';

export interface WebhookSettings {
  /** In the order in which they were registered. */
  readonly endpoints: readonly Endpoint[];
  /** Signs what goes to the `webhook_url` of an execution. */
  readonly signingSecret: SigningSecret;
  /** The newest requests that came under an idempotency key, oldest first. */
  readonly answered: readonly Answered[];
}

export interface Endpoint extends EndpointSettings {
  readonly endpointId: WebhookEndpointId;
  readonly createdAt: Timestamp;
  readonly updatedAt: Timestamp;
  /** Absent of an active one. */
  readonly disabled?: { readonly cause: DisabledCause; readonly since: Timestamp };
  /** Since when it is active without a break; of a disabled one, since when it was. */
  readonly activeSince: Timestamp;
  readonly secret: SigningSecret;
}

export interface SigningSecret {
  readonly generation: number;
  /** Those before it that sign until a moment, newest first. */
  readonly previous: readonly { readonly generation: number; readonly until: Timestamp }[];
}

export interface Answered extends AskedUnderKey {
  /** Absent where it is the organization's own secret. */
  readonly endpointId?: WebhookEndpointId;
  readonly generation: number;
  readonly at: Timestamp;
}

/** Requests under a key that are remembered, of one organization. */
const ANSWERED_MAX = 100;

export const NO_SETTINGS: WebhookSettings = {
  endpoints: [],
  signingSecret: { generation: 1, previous: [] },
  answered: [],
};

export function foldSettings(
  settings: WebhookSettings,
  event: WebhookEndpointEvent,
): WebhookSettings {
  switch (event.type) {
    case 'WebhookEndpointRegistered':
      return registered(settings, event.data);
    case 'SigningSecretRotated':
      return {
        ...settings,
        signingSecret: rotated(settings.signingSecret, event.data),
        answered: withAnswer(settings.answered, event.data),
      };
    case 'WebhookEndpointDeleted': {
      const { endpointId } = event.data;
      const others = settings.endpoints.filter((one) => one.endpointId !== endpointId);
      return { ...settings, endpoints: others };
    }
    case 'WebhookEndpointSecretRotated': {
      const answered = withAnswer(settings.answered, event.data);
      return { ...withEndpoint(settings, event), answered };
    }
    case 'WebhookEndpointChanged':
    case 'WebhookEndpointDisabled':
    case 'WebhookEndpointEnabled':
      return withEndpoint(settings, event);
  }
}

type DataOf<T extends WebhookEndpointEvent['type']> = Extract<
  WebhookEndpointEvent,
  { type: T }
>['data'];

function registered(
  settings: WebhookSettings,
  data: DataOf<'WebhookEndpointRegistered'>,
): WebhookSettings {
  const { endpointId, at, isActive } = data;
  const endpoint: Endpoint = {
    endpointId,
    ...chosenIn(data),
    createdAt: at,
    updatedAt: at,
    activeSince: at,
    ...(!isActive && { disabled: { cause: 'organization', since: at } }),
    secret: { generation: 1, previous: [] },
  };
  return {
    ...settings,
    endpoints: [...settings.endpoints, endpoint],
    answered: withAnswer(settings.answered, { ...data, generation: 1 }),
  };
}

type EndpointEvent = Exclude<
  WebhookEndpointEvent,
  { type: 'WebhookEndpointRegistered' | 'SigningSecretRotated' | 'WebhookEndpointDeleted' }
>;

function withEndpoint(settings: WebhookSettings, event: EndpointEvent): WebhookSettings {
  const endpoints = settings.endpoints.map((endpoint) =>
    endpoint.endpointId === event.data.endpointId ? afterEvent(endpoint, event) : endpoint,
  );
  return { ...settings, endpoints };
}

function afterEvent(endpoint: Endpoint, event: EndpointEvent): Endpoint {
  const { at } = event.data;
  switch (event.type) {
    case 'WebhookEndpointChanged':
      return { ...withoutChosen(endpoint), ...chosenIn(event.data), updatedAt: at };
    case 'WebhookEndpointSecretRotated':
      return { ...endpoint, secret: rotated(endpoint.secret, event.data), updatedAt: at };
    case 'WebhookEndpointDisabled':
      return { ...endpoint, disabled: { cause: event.data.cause, since: at }, updatedAt: at };
    case 'WebhookEndpointEnabled': {
      const { disabled: _, ...enabled } = endpoint;
      return { ...enabled, activeSince: at, updatedAt: at };
    }
  }
}

function withoutChosen(endpoint: Endpoint): Omit<Endpoint, keyof EndpointSettings> {
  const { url: _, description: __, events: ___, headers: ____, ...rest } = endpoint;
  return rest;
}

export const chosenIn = ({
  url,
  description,
  events,
  headers,
}: EndpointSettings): EndpointSettings => ({
  url,
  ...(description !== undefined && { description }),
  events,
  ...(headers !== undefined && { headers }),
});

function rotated(
  secret: SigningSecret,
  { generation, previousUntil, at }: DataOf<'SigningSecretRotated'>,
): SigningSecret {
  const before = { generation: secret.generation, until: previousUntil };
  return { generation, previous: [before, ...signingBeside(secret, at)] };
}

/** The secrets of earlier generations that sign at that moment. */
export const signingBeside = ({ previous }: SigningSecret, at: Timestamp) =>
  previous.filter(({ until }) => until > at);

/** The generations that sign at that moment, newest first. */
export const signingGenerations = (
  secret: SigningSecret,
  at: Timestamp,
): readonly [number, ...number[]] => [
  secret.generation,
  ...signingBeside(secret, at).map(({ generation }) => generation),
];

/** Whether events of that type are the endpoint's, active or not. */
export const names = ({ events }: Pick<Endpoint, 'events'>, type: WebhookEventType): boolean =>
  (events.length > 0 ? events : CLASSIC_EVENTS).includes(type);

function withAnswer(
  answered: readonly Answered[],
  data: {
    readonly endpointId?: WebhookEndpointId;
    readonly generation: number;
    readonly askedUnderKey?: AskedUnderKey;
    readonly at: Timestamp;
  },
): readonly Answered[] {
  const { endpointId, generation, askedUnderKey, at } = data;
  if (!askedUnderKey) return answered;
  const answer: Answered = {
    ...askedUnderKey,
    ...(endpointId !== undefined && { endpointId }),
    generation,
    at,
  };
  return [...answered, answer].slice(-ANSWERED_MAX);
}
