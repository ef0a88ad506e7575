/** Every schema that is compiled without a look at it is a JSON Schema of draft 2020-12. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { catalogueSchema } from '../contracts/catalogue/catalogue.schema.js';
import { eventSchemas } from '../contracts/events/all.js';
import { batchItemSchema } from '../contracts/http/batches.js';
import { endpointOf, templateOf } from '../http/server/endpoint.js';
import { allRoutes } from './testing/all-routes.js';

describe('schemas of our own', () => {
  const ajv = new Ajv2020({ logger: false });
  const ofRoutes = allRoutes().flatMap((route) =>
    [route.bodySchema, route.querySchema].flatMap((schema) =>
      schema ? [[`${route.method} ${templateOf(route)}`, schema] as const] : [],
    ),
  );
  const ofEvents = Object.entries(eventSchemas).map(
    ([type, { schema }]) => [type, schema] as const,
  );

  it('of routes can be compiled', () => {
    for (const route of allRoutes()) {
      const { checkBody, checkQuery } = endpointOf(route);
      expect(checkBody?.(undefined, 0), templateOf(route)).to.not.deep.equal([]);
      expect(() => checkQuery?.({}, 0), templateOf(route)).to.not.throw();
    }
  });

  it('are of the form that schemas have', () => {
    const all = [
      ...ofRoutes,
      ...ofEvents,
      ['the catalogue', catalogueSchema] as const,
      ['an item of a batch', batchItemSchema] as const,
    ];
    expect(all.length).to.be.above(100);
    const wrong = all.filter(([, schema]) => ajv.validateSchema(schema) !== true);
    expect(wrong.map(([name]) => name)).to.deep.equal([]);
    expect(ajv.validateSchema({ type: 'strng' })).to.equal(false);
  });
});
