import { expect } from 'chai';
import type { Provider } from '../contracts/catalogue/catalogue.js';
import { apiPath } from './api-path.js';
import { providerAt } from './testing/contract.js';

describe('where an API is below its base URL', () => {
  const pathAt = (baseUrl: string, more: Partial<Provider> = {}, version?: string) =>
    apiPath({ ...providerAt('', 'x'), baseUrl, ...more }, '/chat', version);

  it('has the version that the base URL names, or else the vendor’s', () => {
    expect(pathAt('https://api.example')).to.equal('/v1/chat');
    expect(pathAt('https://api.example', {}, '/v1beta')).to.equal('/v1beta/chat');
    expect(pathAt('https://api.example/openai/v1')).to.equal('/chat');
    expect(pathAt('https://api.example/v1beta/openai')).to.equal('/chat');
  });

  it('has none below a deployment, or where the catalogue says so', () => {
    expect(pathAt('https://x.example/openai/deployments/gpt')).to.equal('/chat');
    expect(pathAt('https://x.example/inference', { isBaseUrlWhole: true })).to.equal('/chat');
  });
});
