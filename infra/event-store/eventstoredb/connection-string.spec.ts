import { expect } from 'chai';
import { nameOf, optionsWithoutEffect, parseConnectionString } from './connection-string.js';

describe('the connection string of the event store', () => {
  it('names one server, or the nodes of a cluster', () => {
    for (const [url, names, isCluster] of [
      ['esdb://a.test', ['a.test:2113'], false],
      ['kurrentdb://u:p@a.test:1?tls=false', ['a.test:1'], false],
      ['esdb://u:p@[::1]?tls=false', ['[::1]:2113'], false],
      ['esdb://[fd00::a]:1,b.test', ['[fd00::a]:1', 'b.test:2113'], true],
      ['esdb+discover://a.test:1/', ['a.test:1'], true],
      ['kurrent+discover://u:p%40q@a.test', ['a.test:2113'], true],
      ['esdb://a.test:1,b.test,c.test:3/?tls=true', ['a.test:1', 'b.test:2113', 'c.test:3'], true],
    ] as const) {
      const { hosts, ...parsed } = parseConnectionString(url);
      expect(hosts.map(nameOf)).to.deep.equal(names);
      expect(parsed.isCluster, url).to.equal(isCluster);
    }
  });

  it('that is none is refused without its password', () => {
    for (const url of [
      'http://u:secret@a.test',
      'esdb://',
      'esdb://u:secret@a.test:port',
      'esdb://::1',
    ])
      expect(() => parseConnectionString(url)).to.throw(Error, /^(?!.*secret).*expected/);
  });

  it('has options without effect, which are named', () => {
    const named = (query: string) =>
      optionsWithoutEffect(parseConnectionString(`esdb://a.test?${query}`));
    expect(named('tlsVerifyCert=false&tls=true&nodePreference=follower')).to.deep.equal([
      'tlsVerifyCert=false of EVENTSTORE_URL has no effect: certificates are always verified; ' +
        'name their authority with tlsCAFile',
      'nodePreference=follower of EVENTSTORE_URL has no effect: only the leader is asked',
    ]);
    expect(named('nonsense=1')).to.deep.equal([
      'nonsense=1 of EVENTSTORE_URL has no effect: it is not known',
    ]);
    expect(named('tlsVerifyCert=true&nodePreference=Leader&keepAliveTimeout=1')).to.deep.equal([]);
  });
});
