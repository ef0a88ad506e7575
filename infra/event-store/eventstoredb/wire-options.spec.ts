import { expect } from 'chai';
import { parseConnectionString } from './connection-string.js';
import { wireOptionsOf } from './wire-options.js';

const optionsOf = (url: string) => wireOptionsOf(parseConnectionString(url));

describe('the options of a connection to the event store', () => {
  it('have TLS, pings and no user where nothing is said', () => {
    const { headers, ...others } = optionsOf('esdb://a.test');
    expect(others).to.deep.equal({ tls: {}, keepAliveMs: 10_000, keepAliveTimeoutMs: 10_000 });
    expect(Object.keys(headers)).to.deep.equal(['connection-name']);
  });

  it('are read however their names are written', () => {
    expect(
      optionsOf(
        'esdb://a.test?TLS=false&keep_alive_interval=-1&keepalive-timeout=70&connectionName=a%20b',
      ),
    ).to.deep.equal({
      tls: undefined,
      headers: { 'connection-name': 'a b' },
      keepAliveMs: undefined,
      keepAliveTimeoutMs: 70,
    });
  });

  it('send a user over TLS alone', () => {
    const said = (url: string) => optionsOf(url).headers['authorization'];
    const basic = `Basic ${Buffer.from('u@b:p:q').toString('base64')}`;
    expect(said('esdb://u%40b:p%3Aq@a.test')).to.equal(basic);
    expect(said('esdb://u:p@a.test?tls=false')).to.equal(undefined);
  });

  it('are refused with what is wrong', () => {
    for (const [query, words] of [
      ['tls=perhaps', /^tls: expected true or false$/],
      ['keepAliveInterval=soon', /^keepAliveInterval: expected milliseconds$/],
      ['tlsCAFile=/nowhere/ca.pem', /^tlsCAFile: the file cannot be read$/],
      [`userCertFile=${process.execPath}`, /^userCertFile and userKeyFile: expected both/],
    ] as const)
      expect(() => optionsOf(`esdb://a.test?${query}`), query).to.throw(Error, words);
  });
});
