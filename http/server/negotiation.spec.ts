/** What request headers ask for: a type, a wait, a state that is known already. */
import { expect } from 'chai';
import { isNamed, preferred } from './accept.js';
import { tagged } from './etag.js';
import { waitSecondsOf } from './prefer.js';

describe('negotiation', () => {
  const offer: readonly [string, string] = ['application/json', 'text/csv'];
  const cases: readonly [accept: string | undefined, type: string][] = [
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['text/csv', 'text/csv'],
    ['TEXT/CSV; charset=utf-8', 'text/csv'],
    ['text/csv, */*', 'text/csv'],
    ['*/*, text/csv', 'text/csv'],
    ['application/json, text/csv', 'application/json'],
    ['text/csv, application/json', 'text/csv'],
    ['application/json;q=0.5, text/csv;q=0.9', 'text/csv'],
    ['text/csv;q=0, */*', 'application/json'],
    ['text/*', 'text/csv'],
    ['image/png', 'application/json'],
  ];
  for (const [accept, type] of cases)
    it(`${accept} gets ${type}`, () => expect(preferred(accept, offer)).to.equal(type));

  it('knows a type that is named from one that is only covered', () => {
    const problem = 'application/problem+json';
    expect(isNamed(`application/json, ${problem}`, problem)).to.equal(true);
    expect(isNamed('application/*, */*', problem)).to.equal(false);
    expect(isNamed(`${problem};q=0`, problem)).to.equal(false);
    expect(isNamed(undefined, problem)).to.equal(false);
  });

  const waits: readonly [prefer: string | undefined, seconds: number | undefined][] = [
    [undefined, undefined],
    ['wait=10', 10],
    ['respond-async, WAIT = "7"', 7],
    ['wait=5; foo=bar', 5],
    ['wait=3, wait=9', 3],
    ['wait=61', 60],
    ['wait=0', 0],
    ['wait=-1', undefined],
    ['waiting=5', undefined],
    ['wait=1234567890', undefined],
  ];
  for (const [prefer, seconds] of waits)
    it(`Prefer: ${prefer} waits for ${seconds}`, () =>
      expect(waitSecondsOf(prefer)).to.equal(seconds));

  it('answers what is known already without a body', () => {
    const rest = { status: 200, raw: '{}', headers: { 'content-type': 'application/json' } };
    const headers = { etag: 'W/"3"', 'cache-control': 'private, no-cache' };
    for (const ifNoneMatch of ['W/"3"', '"3"', '"a", W/"3"', '*'])
      expect(tagged({ tag: '3', ifNoneMatch }, rest)).to.deep.equal({ status: 304, headers });
    for (const ifNoneMatch of [undefined, '"4"', '3', 'W/"33"'])
      expect(tagged({ tag: '3', ifNoneMatch }, rest)).to.deep.equal({
        ...rest,
        headers: { ...rest.headers, ...headers },
      });
  });
});
