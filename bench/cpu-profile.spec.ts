import { expect } from 'chai';
import { groupOf, selfTimes, type CpuProfile } from './cpu-profile.js';

const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 1 });

describe('CPU profile', () => {
  it('names code by where it comes from', () => {
    const groups = [
      frame('send', 'file:///x/bench/out/build/infra/http/send.js'),
      frame('decide', 'file:///x/bench/out/build/domain/account/account.js'),
      frame('submit', 'file:///x/bench/out/build/command-api/submit.js'),
      frame('parse', 'file:///x/node_modules/pg-protocol/dist/parser.js'),
      frame('parserOnBody', 'node:_http_common'),
      frame('validate12', ''),
      frame('stringify', ''),
      frame('(garbage collector)', ''),
    ].map(groupOf);
    expect(groups).to.deep.equal([
      'infra/http',
      'domain/account',
      'command-api',
      'pg',
      'node http',
      'ajv, compiled schemas',
      'V8 built-ins',
      'garbage collection',
    ]);
  });

  it('adds up self time in the window alone, and never idling', () => {
    const profile: CpuProfile = {
      nodes: [
        { id: 1, callFrame: frame('(idle)', '') },
        { id: 2, callFrame: frame('send', 'file:///x/build/infra/http/send.js') },
        { id: 3, callFrame: frame('decide', 'file:///x/build/domain/account/account.js') },
      ],
      startTime: 1_000,
      endTime: 2_000,
      samples: [2, 3, 1, 3, 2, 2],
      timeDeltas: [100, 100, 200, 200, 200, 200],
    };
    // Samples end at 1100, 1200, 1400, 1600, 1800, 2000; the window is 1150 … 1850.
    const { byGroup, byFunction, busyUs } = selfTimes(profile, 700, 150);
    expect([...byGroup]).to.deep.equal([
      ['domain/account', 300],
      ['infra/http', 200],
    ]);
    expect([...byFunction]).to.deep.equal([
      ['decide in domain/account', 300],
      ['send in infra/http', 200],
    ]);
    expect(busyUs).to.equal(500);
  });
});
