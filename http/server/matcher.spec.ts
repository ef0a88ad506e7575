import { expect } from 'chai';
import fc from 'fast-check';
import { openMatcher } from './matcher.js';

describe('the matcher', () => {
  const matcher = openMatcher<string>();
  const routes = [
    ['GET', '/v1/things'],
    ['POST', '/v1/things'],
    ['GET', '/v1/things/{id}'],
    ['POST', '/v1/things/special'],
    ['GET', '/v1/things/{id}/parts/{part}'],
    ['GET', '/v1/things/special/parts'],
  ] as const;
  for (const [method, path] of routes) matcher.add(method, path, `${method} ${path}`);
  matcher.addElsewhere('DELETE', '/v1/things/{id}');

  const found: readonly (readonly [string, string, string | undefined, object?])[] = [
    ['GET', '/v1/things', 'GET /v1/things', {}],
    ['GET', '/v1/things?a=/b', 'GET /v1/things', {}],
    ['HEAD', '/v1/things', 'GET /v1/things', {}],
    ['POST', '/v1/things', 'POST /v1/things', {}],
    ['GET', '/v1/things/a', 'GET /v1/things/{id}', { id: 'a' }],
    ['HEAD', '/v1/things/a?b', 'GET /v1/things/{id}', { id: 'a' }],
    ['GET', '/v1/things/a%2Fb', 'GET /v1/things/{id}', { id: 'a/b' }],
    ['GET', '/v1/things/__proto__', 'GET /v1/things/{id}', { id: '__proto__' }],
    ['POST', '/v1/things/special', 'POST /v1/things/special', {}],
    ['GET', '/v1/things/special', undefined],
    ['GET', '/v1/things/a/parts/b', 'GET /v1/things/{id}/parts/{part}', { id: 'a', part: 'b' }],
    ['GET', '/v1/things/special/parts', 'GET /v1/things/special/parts', {}],
    [
      'GET',
      '/v1/things/special/parts/b',
      'GET /v1/things/{id}/parts/{part}',
      { id: 'special', part: 'b' },
    ],
    ['POST', '/v1/things/a', undefined],
    ['DELETE', '/v1/things/a', undefined],
    ['GET', '/v1/things/', undefined],
    ['GET', '/v1//things', undefined],
    ['GET', '/v1/things/a/', undefined],
    ['GET', '/V1/things', undefined],
    ['GET', '/v1/things/{id}/parts', undefined],
    ['GET', '/', undefined],
    ['GET', '', undefined],
    ['GET', '*', undefined],
  ];
  for (const [method, url, target, params] of found)
    it(`${method} ${url} → ${target}`, () => {
      const match = matcher.find(method, url);
      expect(match && { target: match.target, params: { ...match.params } }).to.deep.equal(
        target && { target, params },
      );
    });

  for (const id of ['%zz', '%', 'a%00', '%ff', '%ed%a0%80', '%c0%80', '\u00e9', '\u0000'])
    it(`finds no text in ${JSON.stringify(id)}`, () => {
      const match = matcher.find('GET', `/v1/things/${id}`);
      expect(match).to.deep.equal({
        target: 'GET /v1/things/{id}',
        params: { id: '' },
        malformed: 'id',
      });
    });

  it('names the methods of a path, those of other processes too', () => {
    expect(matcher.allowed('/v1/things?x')).to.deep.equal(['GET', 'HEAD', 'POST']);
    expect(matcher.allowed('/v1/things/a')).to.deep.equal(['DELETE', 'GET', 'HEAD']);
    expect(matcher.allowed('/v1/things/special')).to.deep.equal(['POST']);
    expect(matcher.allowed('/v1')).to.deep.equal([]);
  });

  it('finds whatever a parameter is given as', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (id) => {
        fc.pre(!id.includes('\0'));
        const match = matcher.find('GET', `/v1/things/${encodeURIComponent(id)}`);
        expect(match?.params).to.deep.equal({ id });
      }),
    );
  });

  it('does not let one place have two names', () => {
    const add = () => matcher.add('GET', '/v1/things/{other}/x', 'x');
    expect(add).to.throw('{other}');
  });
});
