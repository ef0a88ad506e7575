import { expect } from 'chai';
import { parse, stringify } from 'yaml';
import { loadCatalogue } from './load-catalogue.js';

const base = `
providers:
  one: { adapter: openai-chat, base_url: 'https://api.example', timeout_ms: 1000, bulkhead: 4 }
models:
  talk:
    name: Talk
    description: Talks.
    modality: text
    usage_default: { output_tokens: 100 }
    input_schema: { type: object, properties: { prompt: { type: string } } }
    routes:
      - provider: one
        provider_model: x
        price: { per_request: '0.01' }
        cost: { per_request: '0.004' }
`;

/** The provider of the base catalogue with such fields, or what is wrong with them. */
function load(fields: object) {
  const tree = parse(base) as { providers: { one: object } };
  Object.assign(tree.providers.one, fields);
  const result = loadCatalogue(stringify(tree), { APP_NAME: 'us' });
  return 'catalogue' in result ? result.catalogue.providers.get('one') : result.problems;
}

describe('catalogue: how calls are sent', () => {
  it('is read with its variables filled in', () => {
    const provider = load({
      base_url_as_it_is: true,
      credential_file: '/run/secrets/key',
      auth: { header: 'API-Key' },
      headers: { 'X-Title': 'from ${APP_NAME}' },
      query: { 'api-version': '2024-10-21' },
      idempotency_header: 'X-Request-Key',
      unknown_statuses: [502],
      answer_bytes_max: 1_000_000,
    });
    expect(provider).to.deep.include({
      isBaseUrlWhole: true,
      credentialFile: '/run/secrets/key',
      auth: { header: 'api-key' },
      headers: { 'x-title': 'from us' },
      query: { 'api-version': '2024-10-21' },
      idempotencyHeader: 'x-request-key',
      unknownStatuses: [502],
      answerBytesMax: 1_000_000,
    });
  });

  it('takes Bearer for the scheme of the usual header, and none for another', () => {
    for (const [auth, means] of [
      [{}, { header: 'authorization', scheme: 'Bearer' }],
      [{ scheme: 'Key' }, { header: 'authorization', scheme: 'Key' }],
      [{ scheme: '' }, { header: 'authorization' }],
      [{ header: 'X-Api-Key' }, { header: 'x-api-key' }],
      [
        { header: 'x-key', scheme: 'Token' },
        { header: 'x-key', scheme: 'Token' },
      ],
    ])
      expect(load({ auth })).to.deep.include({ auth: means });
  });

  it('refuses headers that frame a call, repeat another or could end a line', () => {
    const place = 'providers.one';
    expect(load({ headers: { Host: 'x', 'Content-Length': '1' } })).to.deep.equal([
      `${place}.headers: 'host' is set for each call and may not be named`,
      `${place}.headers: 'content-length' is set for each call and may not be named`,
    ]);
    expect(load({ auth: { header: 'x-key' }, headers: { 'X-Key': 'a' } })).to.deep.equal([
      `${place}.headers: 'x-key' carries the credential or the idempotency key`,
    ]);
    expect(load({ headers: { 'X-A': 'a', 'x-a': 'b' } })).to.deep.equal([
      `${place}.headers: 'x-a' is there twice`,
    ]);
    const [crlf] = load({ headers: { 'x-a': 'b\r\nx-c: d' } }) as string[];
    expect(crlf).to.match(/^providers\.one\.headers\.x-a: must match pattern/);
    expect(load({ headers: { 'x-a': '${NOT_SET}' } })).to.deep.equal([
      `${place}.headers.x-a: the variable NOT_SET is not set`,
    ]);
    expect(load({ credential_env: 'A', credential_file: 'b' })).to.deep.equal([
      `${place}: has both credential_env and credential_file; one of them is enough`,
    ]);
  });
});
