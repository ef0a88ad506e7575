import { expect } from 'chai';
import { isReachedFrom, openAddresses } from './addresses.js';

describe('addresses', () => {
  it('are those that are configured, else that of the port on this machine', () => {
    const own = openAddresses({ port: 0, publicUrl: undefined, filesUrl: undefined });
    own.listensOn(4711);
    const { publicUrl, filesUrl } = own;
    expect([publicUrl, filesUrl]).to.deep.equal(['http://127.0.0.1:4711', 'http://127.0.0.1:4711']);
    const [one, other] = ['https://api.example', 'https://cdn.example'];
    const given = openAddresses({ port: 8080, publicUrl: one, filesUrl: other });
    given.listensOn(4711);
    expect([given.publicUrl, given.filesUrl]).to.deep.equal([one, other]);
  });

  it('are reached by providers on this machine, and by others where they are public', () => {
    const reached = (publicUrl: string, baseUrl: string) => isReachedFrom({ publicUrl }, baseUrl);
    const local = ['127.0.0.1', '127.9.9.9', 'localhost', 'a.localhost', '[::1]', '0.0.0.0'];
    for (const host of local) {
      expect(reached(`http://${host}:1`, 'http://10.0.0.1'), host).to.equal(false);
      expect(reached(`http://${host}:1`, `http://${host}:2`), host).to.equal(true);
    }
    for (const host of ['10.0.0.1', 'example.com', 'localhost.example', '[2001:db8::1]', '1.2.3.4'])
      expect(reached(`http://${host}:1`, 'http://10.0.0.1'), host).to.equal(true);
    expect(reached('http://[::ffff:127.0.0.1]', 'http://10.0.0.1')).to.equal(false);
    expect(reached('http://example.com', 'https://provider.example')).to.equal(false);
    expect(reached('https://localhost', 'https://provider.example')).to.equal(false);
    expect(reached('https://example.com', 'https://provider.example')).to.equal(true);
  });
});
