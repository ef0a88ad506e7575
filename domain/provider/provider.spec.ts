import { specFor } from '../testing/given-when-then.js';
import * as Provider from './provider.js';

const { given } = specFor(Provider);

const T0 = '2026-01-01T00:00:00.000Z';
const until = '2026-01-01T00:00:10.000Z';
const fact = { provider: 'p', foundBy: 'one', at: T0 };
const opened = (more: object = {}): Provider.Event => ({
  type: 'ProviderCircuitOpened',
  data: { ...fact, until, ...more },
});
const closed = (more: object = {}): Provider.Event => ({
  type: 'ProviderCircuitClosed',
  data: { ...fact, ...more },
});
const open = (more: object = {}): Provider.Command => ({
  type: 'Open',
  data: { ...fact, until, ...more },
});
const close = (more: object = {}): Provider.Command => ({
  type: 'Close',
  data: { ...fact, ...more },
});

describe('Provider', () => {
  it('opens and closes once, whoever finds it', () => {
    given().when(open()).then(opened());
    given(opened())
      .when(open({ foundBy: 'two' }))
      .thenAlreadyDone();
    given(opened()).when(close()).then(closed());
    given(opened(), closed()).when(close()).thenAlreadyDone();
    given().when(close()).thenAlreadyDone();
    given(opened(), closed()).when(open()).then(opened());
  });

  it('keeps the circuits of its routes apart', () => {
    given(opened())
      .when(open({ route: 'r' }))
      .then(opened({ route: 'r' }));
    given(opened(), opened({ route: 'r' }))
      .when(close({ route: 'r' }))
      .then(closed({ route: 'r' }));
  });

  it('opens for more than one organization, and not for fewer', () => {
    const one = { organizationId: 'org_1' };
    given(opened(one)).when(open(one)).thenAlreadyDone();
    given(opened(one)).when(open()).then(opened());
    given(opened()).when(open(one)).thenAlreadyDone();
    given(opened(one))
      .when(open({ organizationId: 'org_2' }))
      .then(opened({ organizationId: 'org_2' }));
  });

  it('stays as an operator has it until its time', () => {
    const held = { byOperator: true, foundBy: 'operator' };
    given(opened(held)).when(close()).thenAlreadyDone();
    given(opened(held))
      .when(open({ until: '2026-01-01T02:00:00.000Z' }))
      .thenAlreadyDone();
    given(opened(held))
      .when(close({ at: until }))
      .then(closed({ at: until }));
    given(opened(held)).when(close(held)).then(closed(held));
    given(opened()).when(open(held)).then(opened(held));
    given().when(close(held)).then(closed(held));
  });
});
