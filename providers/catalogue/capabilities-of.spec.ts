import { expect } from 'chai';
import type { ModelEntry } from '../../contracts/catalogue/model-entry.js';
import { adapterKinds } from '../registry.js';
import { capabilitiesOf } from './capabilities-of.js';

const schemaOf = (...names: string[]): Pick<ModelEntry, 'input_schema'> => ({
  input_schema: {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
  },
});

const kind = (adapter: string) => {
  const found = adapterKinds.get(adapter);
  if (!found) throw new Error(adapter);
  return found;
};

describe('capabilities of a route', () => {
  const model = schemaOf('prompt', 'seed', 'mood');

  it('are without what the adapter would not send, unless the route passes it on', () => {
    const chat = kind('openai-chat');
    expect(capabilitiesOf(model, {}, chat)).to.deep.equal({ without: ['mood'] });
    expect(capabilitiesOf(model, { request: { pass: ['mood'] } }, chat)).to.equal(undefined);
    expect(capabilitiesOf(model, {}, kind('anthropic-messages'))).to.deep.equal({
      without: ['seed', 'mood'],
    });
  });

  it('keep what is declared', () => {
    const declared = { tools: false, without: ['mood'] };
    expect(capabilitiesOf(model, { capabilities: declared }, kind('openai-chat'))).to.equal(
      declared,
    );
    expect(
      capabilitiesOf(model, { capabilities: declared }, kind('anthropic-messages')),
    ).to.deep.equal({ tools: false, without: ['mood', 'seed'] });
  });

  it('let a declaration narrow what the format allows', () => {
    const image = schemaOf('prompt', 'negative_prompt', 'num_images');
    const gemini = kind('gemini-images');
    expect(capabilitiesOf(image, { capabilities: { max_pixels: 9 } }, gemini)).to.deep.equal({
      max_images: 1,
      max_pixels: 9,
      without: ['negative_prompt'],
    });
  });

  it('leave a field alone that every input has by default', () => {
    const schema = { properties: { prompt: {}, mood: { type: 'string', default: 'calm' } } };
    expect(capabilitiesOf({ input_schema: schema }, {}, kind('openai-chat'))).to.equal(undefined);
  });

  it('are unbounded where the adapter sends whatever it is given', () => {
    expect(capabilitiesOf(model, {}, kind('replicate'))).to.equal(undefined);
  });
});
