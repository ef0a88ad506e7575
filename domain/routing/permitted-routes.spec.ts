import { expect } from 'chai';
import fc from 'fast-check';
import type { Capabilities, Promises } from '../../contracts/catalogue/capabilities.js';
import type { Route } from '../../contracts/catalogue/catalogue.js';
import { forbiddenBy, permittedRoutes } from './permitted-routes.js';

const route = (name: string, more: Partial<Route> = {}): Route => ({
  name,
  provider: name,
  providerModel: 'x',
  price: {},
  cost: {},
  priority: 0,
  ...more,
});

const eu = route('eu', { promises: { region: 'eu-west', retention: 'none' } });
const us = route('us', { promises: { region: 'us', training: 'never' } });
const silent = route('silent');
const routes = [eu, us, silent];
const unkept = (field: string) => ({
  field,
  code: 'unsupported',
  message: 'is promised by no provider of this model',
});

describe('routing: where an execution may go', () => {
  it('requires nothing, may go everywhere', () => {
    expect(permittedRoutes({ routes }, {})).to.deep.equal({ routes });
    expect(permittedRoutes({ routes }, {}, {})).to.deep.equal({ routes });
  });

  it('goes only to routes that promise what is required', () => {
    expect(permittedRoutes({ routes }, {}, { region: 'eu' })).to.deep.equal({ routes: [eu] });
    expect(permittedRoutes({ routes }, {}, { region: 'eu-west' })).to.deep.equal({ routes: [eu] });
    expect(permittedRoutes({ routes }, {}, { training: 'never' })).to.deep.equal({ routes: [us] });
    expect(permittedRoutes({ routes }, {}, { region: 'eu-w' })).to.deep.equal({
      details: [unkept('require.region')],
    });
  });

  it('names what nobody promises, or all that nobody promises together', () => {
    const { details: alone } = permittedRoutes(
      { routes },
      {},
      {
        region: 'cn',
        retention: 'none',
      },
    ) as { details: unknown };
    expect(alone).to.deep.equal([unkept('require.region')]);
    expect(permittedRoutes({ routes }, {}, { region: 'eu', training: 'never' })).to.deep.equal({
      details: [unkept('require.region'), unkept('require.training')],
    });
  });

  it('asks only those that promise it whether they can do it', () => {
    const able = route('able');
    const unable = route('unable', {
      promises: { region: 'eu' },
      capabilities: { tools: false },
    });
    const input = { tools: [{ name: 'a' }] };
    const both = { routes: [able, unable] };
    expect(permittedRoutes(both, input)).to.deep.equal({ routes: [able] });
    expect(permittedRoutes(both, input, { region: 'eu' })).to.deep.equal({
      details: [
        { field: 'input.tools', code: 'unsupported', message: 'is not supported by this model' },
      ],
    });
  });

  it('a route is forbidden exactly where it is not permitted', () => {
    const promises = fc.record<Promises>(
      {
        region: fc.constantFrom('eu', 'eu-west', 'us'),
        retention: fc.constant('none'),
        training: fc.constant('never'),
      },
      { requiredKeys: [] },
    );
    const capabilities = fc.record<Capabilities>(
      { tools: fc.boolean(), max_tokens: fc.nat(10) },
      { requiredKeys: [] },
    );
    const input = fc.record({ tools: fc.constant([{}]), max_tokens: fc.nat(10) });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(promises, capabilities)),
        promises,
        input,
        (all, need, asked) => {
          const given = all.map(([promise, can], index) =>
            route(`${index}`, { promises: promise, capabilities: can }),
          );
          const permitted = permittedRoutes({ routes: given }, asked, need);
          const names = 'routes' in permitted ? permitted.routes.map(({ name }) => name) : [];
          const free = given.filter((one) => forbiddenBy(one, need, asked) === undefined);
          expect(names).to.deep.equal(free.map(({ name }) => name));
          if ('details' in permitted && given.length > 0)
            expect(permitted.details).to.not.deep.equal([]);
        },
      ),
    );
  });
});
