import { expect } from 'chai';
import type { OrganizationId, WebhookEndpointId } from '../../contracts/ids.js';
import { specFor } from '../testing/given-when-then.js';
import * as WebhookEndpoint from './webhook-endpoint.js';
import { signingGenerations, names } from './webhook-settings.js';

const { given } = specFor(WebhookEndpoint);
const organizationId: OrganizationId = 'org_1';
const endpointId: WebhookEndpointId = 'we_1';
const HOUR_MS = 3_600_000;
const hours = (count: number) =>
  new Date(Date.parse('2026-01-01T00:00:00.000Z') + count * HOUR_MS).toISOString();
const at = hours(0);
const of = { organizationId, endpointId, at };
const settings = { url: 'https://receiver.example/hook', events: [] } as const;
const askedUnderKey = { keyDigest: 'a'.repeat(64), requestDigest: 'b'.repeat(64) };

type Event = WebhookEndpoint.Event;
type Of<T extends Event['type']> = Extract<Event, { type: T }>;

const register: WebhookEndpoint.Command = { type: 'Register', ...of, ...settings, isActive: true };
const registered: Of<'WebhookEndpointRegistered'> = {
  type: 'WebhookEndpointRegistered',
  data: { ...of, ...settings, isActive: true },
};
const numbered = (n: number): Event => ({
  type: 'WebhookEndpointRegistered',
  data: { ...registered.data, endpointId: `we_${n}` },
});
const change = (changes: WebhookEndpoint.SettingsChanges): WebhookEndpoint.Command => ({
  type: 'Change',
  ...of,
  changes,
});
const disabledBy = (cause: 'organization' | 'gone' | 'exhausted'): Event => ({
  type: 'WebhookEndpointDisabled',
  data: { ...of, cause },
});
const enabled: Event = { type: 'WebhookEndpointEnabled', data: of };
const deleted: Event = { type: 'WebhookEndpointDeleted', data: of };
const rotate = (time = at): WebhookEndpoint.Command => ({ type: 'RotateSecret', ...of, at: time });
const rotated = (generation: number, time = at): Event => ({
  type: 'WebhookEndpointSecretRotated',
  data: { ...of, at: time, generation, previousUntil: later(time, 24) },
});
const later = (time: string, count: number) =>
  new Date(Date.parse(time) + count * HOUR_MS).toISOString();
const stateOf = (...events: Event[]) =>
  events.reduce(WebhookEndpoint.evolve, WebhookEndpoint.initial());
const only = (...events: Event[]) => {
  const [endpoint] = stateOf(...events).endpoints;
  if (!endpoint) throw new Error('there is no endpoint');
  return endpoint;
};

describe('WebhookEndpoint', () => {
  it('is registered, up to fifty of an organization', () => {
    given().when(register).then(registered);
    given(registered).when(register).thenRejected('EndpointExists');
    const fifty = Array.from({ length: 50 }, (_, n) => numbered(n + 100));
    given(...fifty.slice(1))
      .when(register)
      .then(registered);
    given(...fifty)
      .when(register)
      .thenRejected('TooManyEndpoints');
    const gone: Event = { type: 'WebhookEndpointDeleted', data: { ...of, endpointId: 'we_100' } };
    given(...fifty, gone)
      .when(register)
      .then(registered);
  });

  it('is registered once under one key', () => {
    const keyed: WebhookEndpoint.Command = { ...register, endpointId: 'we_2', askedUnderKey };
    const first: Event = { ...registered, data: { ...registered.data, askedUnderKey } };
    given(first).when(keyed).thenAlreadyDone();
    given(first, deleted).when(keyed).thenAlreadyDone();
    const other = { ...askedUnderKey, requestDigest: 'c'.repeat(64) };
    given(first)
      .when({ ...keyed, askedUnderKey: other })
      .thenRejected('KeyUsedForOther');
    const rotation: WebhookEndpoint.Command = { type: 'RotateSecret', ...of, askedUnderKey: other };
    given(first).when(rotation).thenRejected('KeyUsedForOther');
  });

  it('remembers the newest hundred keys', () => {
    const keyOf = (n: number) => String(n).padStart(64, '0');
    const many = Array.from({ length: 150 }, (_, n): Event[] => [
      {
        ...registered,
        data: { ...registered.data, askedUnderKey: { ...askedUnderKey, keyDigest: keyOf(n) } },
      },
      deleted,
    ]).flat();
    const { answered } = stateOf(...many);
    expect(answered.map(({ keyDigest }) => keyDigest)).to.deep.equal(
      Array.from({ length: 100 }, (_, n) => keyOf(n + 50)),
    );
  });

  it('is changed as a whole, and only where something changes', () => {
    const changed = (data: object): Event => ({
      type: 'WebhookEndpointChanged',
      data: { ...of, ...settings, ...data },
    });
    const described = changed({ description: 'mine', headers: 'sealed' });
    given(registered)
      .when(change({ description: 'mine', headers: 'sealed' }))
      .then(described);
    given(registered, described)
      .when(change({ description: 'mine' }))
      .thenAlreadyDone();
    given(registered, described)
      .when(change({ description: null, events: ['execution.completed'] }))
      .then(changed({ headers: 'sealed', events: ['execution.completed'] }));
    given(registered)
      .when(change({ url: settings.url }))
      .thenAlreadyDone();
    given().when(change({})).thenRejected('EndpointUnknown');
  });

  it('is switched off and on by its organization', () => {
    given(registered)
      .when(change({ isActive: false }))
      .then(disabledBy('organization'));
    given(registered, disabledBy('organization'))
      .when(change({ isActive: false }))
      .thenAlreadyDone();
    given(registered, disabledBy('gone'))
      .when(change({ isActive: true }))
      .then(enabled);
    given(registered)
      .when(change({ isActive: true }))
      .thenAlreadyDone();
  });

  it('is disabled for a cause, unless it was enabled again since', () => {
    const disable = (activeSince?: string): WebhookEndpoint.Command => ({
      type: 'Disable',
      ...of,
      cause: 'exhausted',
      ...(activeSince !== undefined && { activeSince }),
    });
    given(registered).when(disable()).then(disabledBy('exhausted'));
    given(registered).when(disable(at)).then(disabledBy('exhausted'));
    given(registered, disabledBy('gone')).when(disable(at)).thenAlreadyDone();
    const again: Event = { type: 'WebhookEndpointEnabled', data: { ...of, at: hours(1) } };
    given(registered, disabledBy('gone'), again)
      .when(disable(at))
      .thenRejected('EndpointEnabledSince');
    given(registered, deleted).when(disable()).thenAlreadyDone();
    expect(only(registered, disabledBy('gone')).disabled).to.deep.equal({
      cause: 'gone',
      since: at,
    });
    expect(only(registered, disabledBy('gone'), again)).to.include({ activeSince: hours(1) });
    expect(only(registered, disabledBy('gone'), again)).not.to.have.property('disabled');
  });

  it('is deleted, and unknown from then on', () => {
    given(registered)
      .when({ type: 'Delete', ...of })
      .then(deleted);
    given(registered, deleted)
      .when({ type: 'Delete', ...of })
      .thenRejected('EndpointUnknown');
    given(registered, deleted).when(rotate()).thenRejected('EndpointUnknown');
  });

  it('has its secret rotated: each that was replaced signs for a day, two at most', () => {
    given(registered).when(rotate()).then(rotated(2));
    given(registered, rotated(2))
      .when(rotate(hours(1)))
      .then(rotated(3, hours(1)));
    const three = [registered, rotated(2), rotated(3, hours(1))];
    given(...three)
      .when(rotate(hours(23)))
      .thenRejected('TooManySecrets');
    given(...three)
      .when(rotate(hours(24)))
      .then(rotated(4, hours(24)));
    const { secret } = only(...three);
    expect(signingGenerations(secret, hours(2))).to.deep.equal([3, 2, 1]);
    expect(signingGenerations(secret, hours(24))).to.deep.equal([3, 2]);
    expect(signingGenerations(secret, hours(25))).to.deep.equal([3]);
  });

  it('rotates the secret of the organization alike, and no endpoint with it', () => {
    const own = { organizationId, at };
    const event: Event = {
      type: 'SigningSecretRotated',
      data: { ...own, generation: 2, previousUntil: hours(24) },
    };
    given()
      .when({ type: 'RotateSigningSecret', ...own })
      .then(event);
    const { signingSecret, endpoints } = stateOf(registered, event);
    expect(signingGenerations(signingSecret, at)).to.deep.equal([2, 1]);
    expect(signingGenerations(endpoints[0]!.secret, at)).to.deep.equal([1]);
  });

  it('names the four classic events unless it names others, and none while disabled', () => {
    const classic = only(registered);
    expect(names(classic, 'execution.failed')).to.equal(true);
    expect(names(classic, 'execution.expired')).to.equal(false);
    expect(names(classic, 'file.ready')).to.equal(false);
    const naming = { ...classic, events: ['file.ready'] } as const;
    expect(names(naming, 'file.ready')).to.equal(true);
    expect(names(naming, 'execution.failed')).to.equal(false);
  });

  it('has a state of plain data, for snapshots', () => {
    const state = stateOf(registered, rotated(2), disabledBy('gone'));
    expect(JSON.parse(JSON.stringify(state))).to.deep.equal(state);
  });
});
