import { expect } from 'chai';
import type { ExecutionId } from '../contracts/ids.js';
import { callbackTokenOf, readCallbackToken } from './callback-token.js';
import { openSecrets } from './secrets.js';

describe('callback tokens', () => {
  const { callbackKey: key } = openSecrets('a-master-key-of-a-spec-32-characters');
  const executionId: ExecutionId = 'exec_2f0c8f4e-1d2b-5c3a-9e8f-0a1b2c3d4e5f';
  const token = callbackTokenOf(key, { executionId, attempt: 3 });

  it('name the attempt that they were given out for, and stay the same', () => {
    expect(readCallbackToken(key, token)).to.deep.equal({ executionId, attempt: 3 });
    expect(callbackTokenOf(key, { executionId, attempt: 3 })).to.equal(token);
    expect(token).to.have.length(59);
  });

  it('are of one attempt and one installation', () => {
    const { callbackKey: other } = openSecrets('another-master-key-of-32-characters!');
    expect(readCallbackToken(other, token)).to.equal(undefined);
    const next = callbackTokenOf(key, { executionId, attempt: 4 });
    expect(readCallbackToken(key, next.slice(0, 27) + token.slice(27))).to.equal(undefined);
  });

  it('are nothing once a character is changed, added or left out', () => {
    for (let at = 0; at < token.length; at++) {
      const changed = token.slice(0, at) + (token[at] === 'B' ? 'C' : 'B') + token.slice(at + 1);
      const read = readCallbackToken(key, changed);
      expect(read, `character ${at}`).to.equal(undefined);
    }
    for (const text of ['', token.slice(1), `${token}A`, `${token}=`, '../x', 'é'.repeat(59)])
      expect(readCallbackToken(key, text)).to.equal(undefined);
  });
});
