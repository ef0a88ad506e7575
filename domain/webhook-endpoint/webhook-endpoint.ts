/**
 * The webhook endpoints of one organization, and its secrets. All of them are in one stream, so
 * that the bound on their number holds whoever races, and one read knows all of them.
 *
 *   none ──► active ◄──► disabled
 *              └───────────┴──► deleted
 *
 * A replaced secret signs beside its successor for a day. An endpoint of another organization is in
 * another stream, so it is unknown here like one that never was.
 */
import type { Timestamp } from '../../contracts/events/envelope.js';
import type {
  AskedUnderKey,
  DisabledCause,
  EndpointSettings,
  WebhookEndpointEvent,
} from '../../contracts/events/webhook-endpoint.js';
import type { OrganizationId, WebhookEndpointId } from '../../contracts/ids.js';
import { accept, alreadyDone, reject, type Decision, type Of } from '../decider.js';
import {
  chosenIn,
  foldSettings,
  NO_SETTINGS,
  signingBeside,
  type Endpoint,
  type SigningSecret,
  type WebhookSettings,
} from './webhook-settings.js';

export const category = 'webhookEndpoint';

export type Event = WebhookEndpointEvent;

interface OfEndpoint {
  readonly organizationId: OrganizationId;
  readonly endpointId: WebhookEndpointId;
  readonly at: Timestamp;
}

export type Command =
  | ({ type: 'Register'; isActive: boolean; askedUnderKey?: AskedUnderKey } & OfEndpoint &
      EndpointSettings)
  | ({ type: 'Change'; changes: SettingsChanges } & OfEndpoint)
  /**
   * `activeSince` says what was judged: an endpoint that was enabled again since stays active.
   */
  | ({ type: 'Disable'; cause: DisabledCause; activeSince?: Timestamp } & OfEndpoint)
  | ({ type: 'Delete' } & OfEndpoint)
  | ({ type: 'RotateSecret'; askedUnderKey?: AskedUnderKey } & OfEndpoint)
  | ({ type: 'RotateSigningSecret'; askedUnderKey?: AskedUnderKey } & Omit<
      OfEndpoint,
      'endpointId'
    >);

/** Null: none from now on. What is absent stays as it is. */
export interface SettingsChanges {
  readonly url?: string;
  readonly description?: string | null;
  readonly events?: EndpointSettings['events'];
  readonly headers?: string | null;
  readonly isActive?: boolean;
}

export type Rejection =
  | 'EndpointUnknown'
  | 'EndpointExists'
  | 'EndpointEnabledSince'
  | 'TooManyEndpoints'
  | 'TooManySecrets'
  | 'KeyUsedForOther';

export type State = WebhookSettings;

/** Counts up with each change of the state's shape. */
export const snapshotVersion = 1;

export const ENDPOINTS_MAX = 50;
/** A replaced secret signs for so long. */
const OVERLAP_MS = 24 * 3_600_000;

/** When a secret that is replaced at that moment signs no longer. */
export const overlapEnd = (at: Timestamp): Timestamp =>
  new Date(Date.parse(at) + OVERLAP_MS).toISOString();

/** Replaced secrets that sign at one time: one may be rotated again when it is lost or leaked. */
const PREVIOUS_SECRETS_MAX = 2;

export const initial = (): State => NO_SETTINGS;

export const evolve = foldSettings;

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  switch (command.type) {
    case 'Register':
      return register(command, state);
    case 'RotateSigningSecret':
      return rotateSigningSecret(command, state);
    case 'Change':
    case 'Disable':
    case 'Delete':
    case 'RotateSecret': {
      const endpoint = endpointOf(state, command.endpointId);
      return endpoint ? whileRegistered(command, endpoint, state) : onceDeleted(command);
    }
  }
}

export const endpointOf = (
  { endpoints }: Pick<State, 'endpoints'>,
  id: string,
): Endpoint | undefined => endpoints.find(({ endpointId }) => endpointId === id);

function register(command: Of<Command, 'Register'>, state: State): Decision<Event, Rejection> {
  const { organizationId, endpointId, isActive, askedUnderKey, at } = command;
  const repeat = repeatOf(state, askedUnderKey);
  if (repeat) return repeat;
  if (endpointOf(state, endpointId)) return reject('EndpointExists');
  if (state.endpoints.length >= ENDPOINTS_MAX) return reject('TooManyEndpoints');
  return accept({
    type: 'WebhookEndpointRegistered',
    data: {
      organizationId,
      endpointId,
      ...chosenIn(command),
      isActive,
      ...(askedUnderKey && { askedUnderKey }),
      at,
    },
  });
}

/** Undefined: it was not asked for before. */
function repeatOf(
  { answered }: State,
  asked: AskedUnderKey | undefined,
): Decision<Event, Rejection> | undefined {
  const before = asked && answered.find(({ keyDigest }) => keyDigest === asked.keyDigest);
  if (!before) return undefined;
  return before.requestDigest === asked.requestDigest ? alreadyDone : reject('KeyUsedForOther');
}

function rotateSigningSecret(
  { organizationId, askedUnderKey, at }: Of<Command, 'RotateSigningSecret'>,
  state: State,
): Decision<Event, Rejection> {
  const repeat = repeatOf(state, askedUnderKey);
  if (repeat) return repeat;
  const next = nextSecret(state.signingSecret, at);
  if (!next) return reject('TooManySecrets');
  const asked = askedUnderKey && { askedUnderKey };
  return accept({ type: 'SigningSecretRotated', data: { organizationId, ...next, ...asked, at } });
}

/** Undefined while as many replaced ones sign as may. */
function nextSecret(secret: SigningSecret, at: Timestamp) {
  if (signingBeside(secret, at).length >= PREVIOUS_SECRETS_MAX) return undefined;
  return { generation: secret.generation + 1, previousUntil: overlapEnd(at) };
}

type OnEndpoint = Exclude<Command, { type: 'Register' | 'RotateSigningSecret' }>;

const onceDeleted = ({ type }: OnEndpoint): Decision<Event, Rejection> =>
  type === 'Disable' ? alreadyDone : reject('EndpointUnknown');

function whileRegistered(
  command: OnEndpoint,
  endpoint: Endpoint,
  state: State,
): Decision<Event, Rejection> {
  const { organizationId, endpointId, at } = command;
  switch (command.type) {
    case 'Change':
      return change(command, endpoint);
    case 'Disable':
      return disable(command, endpoint);
    case 'Delete':
      return accept({ type: 'WebhookEndpointDeleted', data: { organizationId, endpointId, at } });
    case 'RotateSecret':
      return rotateSecret(command, endpoint, state);
  }
}

/** Settings first: an endpoint that is enabled is enabled as it is from now on. */
function change(
  { organizationId, endpointId, changes, at }: Of<Command, 'Change'>,
  endpoint: Endpoint,
): Decision<Event, Rejection> {
  const of = { organizationId, endpointId };
  const before = chosenIn(endpoint);
  const after = settingsAfter(before, changes);
  const events: Event[] = [];
  if (!isSame(before, after))
    events.push({ type: 'WebhookEndpointChanged', data: { ...of, ...after, at } });
  if (changes.isActive === true && endpoint.disabled)
    events.push({ type: 'WebhookEndpointEnabled', data: { ...of, at } });
  if (changes.isActive === false && !endpoint.disabled)
    events.push({ type: 'WebhookEndpointDisabled', data: { ...of, cause: 'organization', at } });
  return events.length > 0 ? accept(...events) : alreadyDone;
}

function settingsAfter(before: EndpointSettings, changes: SettingsChanges): EndpointSettings {
  const { url = before.url, events = before.events } = changes;
  const { description = before.description, headers = before.headers } = changes;
  return {
    url,
    events,
    ...(typeof description === 'string' && { description }),
    ...(typeof headers === 'string' && { headers }),
  };
}

const isSame = (a: EndpointSettings, b: EndpointSettings): boolean =>
  a.url === b.url &&
  a.description === b.description &&
  a.headers === b.headers &&
  a.events.join() === b.events.join();

function disable(
  { organizationId, endpointId, cause, activeSince, at }: Of<Command, 'Disable'>,
  endpoint: Endpoint,
): Decision<Event, Rejection> {
  if (endpoint.disabled) return alreadyDone;
  if (activeSince !== undefined && activeSince !== endpoint.activeSince)
    return reject('EndpointEnabledSince');
  return accept({
    type: 'WebhookEndpointDisabled',
    data: { organizationId, endpointId, cause, at },
  });
}

function rotateSecret(
  { organizationId, endpointId, askedUnderKey, at }: Of<Command, 'RotateSecret'>,
  endpoint: Endpoint,
  state: State,
): Decision<Event, Rejection> {
  const repeat = repeatOf(state, askedUnderKey);
  if (repeat) return repeat;
  const next = nextSecret(endpoint.secret, at);
  if (!next) return reject('TooManySecrets');
  const asked = askedUnderKey && { askedUnderKey };
  return accept({
    type: 'WebhookEndpointSecretRotated',
    data: { organizationId, endpointId, ...next, ...asked, at },
  });
}
