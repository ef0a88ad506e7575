import { expect } from 'chai';
import { isLoopback, openAddresses } from './addresses.js';

describe('addresses', () => {
  it('are those that are configured, else that of the port on this machine', () => {
    const own = openAddresses({ port: 0, publicUrl: undefined, filesUrl: undefined });
    own.listensOn(4711);
    const { publicUrl, filesUrl, isPublic } = own;
    expect([publicUrl, filesUrl, isPublic]).to.deep.equal([
      'http://127.0.0.1:4711',
      'http://127.0.0.1:4711',
      false,
    ]);
    const [one, other] = ['https://api.example', 'https://cdn.example'];
    const given = openAddresses({ port: 8080, publicUrl: one, filesUrl: other });
    given.listensOn(4711);
    expect([given.publicUrl, given.filesUrl, given.isPublic]).to.deep.equal([one, other, true]);
  });

  it('of this machine alone are known', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', 'a.localhost', '[::1]', '0.0.0.0'])
      expect(isLoopback(`http://${host}:1`), host).to.equal(true);
    for (const host of ['10.0.0.1', 'example.com', 'localhost.example', '[2001:db8::1]', '1.2.3.4'])
      expect(isLoopback(`http://${host}:1`), host).to.equal(false);
    expect(isLoopback('http://[::ffff:127.0.0.1]')).to.equal(true);
  });
});
