import { expect } from 'chai';
import type { Capabilities } from '../../contracts/catalogue/capabilities.js';
import type { Route } from '../../contracts/catalogue/catalogue.js';
import { capabilitiesOfModel } from './model-capabilities.js';

const routes = (...all: readonly Capabilities[]) =>
  all.map((capabilities) => ({ capabilities }) as Route);

describe('routing: what a model can do', () => {
  it('is the most that any of its routes does', () => {
    const one: Capabilities = {
      tools: false,
      max_tokens: 10,
      formats: ['png'],
      without: ['seed', 'stop'],
    };
    const other: Capabilities = {
      tools: true,
      max_tokens: 5,
      formats: ['jpeg', 'png'],
      without: ['seed'],
    };
    expect(capabilitiesOfModel(routes(one, other))).to.deep.equal({
      tools: true,
      max_tokens: 10,
      formats: ['png', 'jpeg'],
      without: ['seed'],
    });
  });

  it('is open where one of them leaves it open', () => {
    expect(capabilitiesOfModel(routes({ tools: false }, {}))).to.deep.equal({});
    expect(capabilitiesOfModel(routes({}, { tools: false }))).to.deep.equal({});
    const apart = routes({ without: ['seed'] }, { without: ['stop'] });
    expect(capabilitiesOfModel(apart)).to.deep.equal({});
    expect(capabilitiesOfModel([])).to.deep.equal({});
  });
});
