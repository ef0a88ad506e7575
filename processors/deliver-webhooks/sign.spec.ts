import { expect } from 'chai';
import { Webhook } from 'standardwebhooks';
import { signatureHeaders } from './sign.js';

const signed = {
  eventId: 'evt_1',
  body: '{"type":"execution.completed"}',
  secrets: [`whsec_${Buffer.from('thirty-two bytes of a secret key').toString('base64')}`] as const,
  timestampSeconds: 1_767_225_600,
};

describe('webhook signatures', () => {
  // Both were computed with openssl from the two standards' own words.
  it('are those of the standards', () => {
    expect(signatureHeaders(signed)).to.deep.equal({
      'x-signature': '1dea71c5513795ec91590f071bd158bff344ba4fb4216b56db62105af479eb2f',
      'x-signature-timestamp': '1767225600',
      'webhook-id': 'evt_1',
      'webhook-timestamp': '1767225600',
      'webhook-signature': 'v1,5TsMiqCn0hU5uuf6ffR5s5dEfIAL7Gtgsv+YuAf/U24=',
    });
  });

  it('are of the raw body, the time and the id', () => {
    const { 'x-signature': plain, 'webhook-signature': standard } = signatureHeaders(signed);
    const differs = (change: object, ...which: ('plain' | 'standard')[]) => {
      const other = signatureHeaders({ ...signed, ...change });
      expect(other['x-signature'] !== plain).to.equal(which.includes('plain'));
      expect(other['webhook-signature'] !== standard).to.equal(which.includes('standard'));
    };
    differs({ body: `${signed.body} ` }, 'plain', 'standard');
    differs({ timestampSeconds: 1 }, 'plain', 'standard');
    differs({ eventId: 'evt_2' }, 'standard');
    differs({ secrets: ['whsec_b3RoZXI='] }, 'plain', 'standard');
  });

  it('are by each secret that signs, that of the plain header by the one that holds', () => {
    const [old] = signed.secrets;
    const rotated = signatureHeaders({ ...signed, secrets: ['whsec_b3RoZXI=', old] });
    const alone = signatureHeaders({ ...signed, secrets: ['whsec_b3RoZXI='] });
    const before = signatureHeaders(signed);
    expect(rotated['x-signature']).to.equal(alone['x-signature']);
    expect(rotated['x-signature-previous']).to.equal(before['x-signature']);
    expect(rotated['webhook-signature']).to.equal(
      `${alone['webhook-signature']} ${before['webhook-signature']}`,
    );
  });

  it('hold for the public library, with either secret', () => {
    const secrets = ['whsec_b3RoZXI=', ...signed.secrets] as const;
    const timestampSeconds = Math.floor(Date.now() / 1000);
    const headers = signatureHeaders({ ...signed, secrets, timestampSeconds });
    const body = { type: 'execution.completed' };
    for (const secret of secrets)
      expect(new Webhook(secret).verify(signed.body, headers)).to.deep.equal(body);
    const other = new Webhook('whsec_YW5vdGhlcg==');
    expect(() => other.verify(signed.body, headers)).to.throw('No matching signature found');
    expect(() => new Webhook(secrets[0]).verify(`${signed.body} `, headers)).to.throw();
  });
});
