import { expect } from 'chai';
import {
  type ApiErrorBody,
  behave,
  calls,
  type ChatBody,
  post,
  prompt,
  withSandbox,
} from './testing/kit.js';

describe('sandbox idempotency keys', () => {
  const sandbox = withSandbox();
  const chat = (text: string, key: string, personality = 'aurora') =>
    post<ChatBody & ApiErrorBody>(
      `${sandbox.url()}/${personality}/v1/chat/completions`,
      prompt(text),
      { 'idempotency-key': key },
    );
  const paidOf = async () =>
    (await calls(sandbox.url())).map(({ paid, replayed, status }) => [status, paid, replayed]);

  it('aurora answers a repeated key with the original, unpaid, also after a restart', async () => {
    const first = await chat('On tea', 'k1');
    const again = await chat('On tea', 'k1');
    await sandbox.restart();
    const later = await chat('On tea', 'k1');
    expect(first.headers['idempotent-replayed']).to.equal(undefined);
    expect(again.headers['idempotent-replayed']).to.equal('true');
    expect(later.headers['idempotent-replayed']).to.equal('true');
    expect(again.body).to.deep.equal(first.body);
    expect(later.body).to.deep.equal(first.body);
    expect(await paidOf()).to.deep.equal([
      [200, true, false],
      [200, false, true],
      [200, false, true],
    ]);
  });

  it('aurora refuses a repeated key with another body, unpaid', async () => {
    await chat('On tea', 'k1');
    const other = await chat('On coffee', 'k1');
    expect([other.status, other.body.error.code]).to.deep.equal([409, 'idempotency_key_reused']);
    expect(await paidOf()).to.deep.equal([
      [200, true, false],
      [409, false, false],
    ]);
  });

  it('aurora is paid once when calls with one key race', async () => {
    await behave(sandbox.url(), { aurora: { latency: { kind: 'uniform', minMs: 0, maxMs: 20 } } });
    const replies = await Promise.all(Array.from({ length: 50 }, () => chat('On tea', 'k1')));
    expect(new Set(replies.map(({ body }) => JSON.stringify(body))).size).to.equal(1);
    const record = await calls(sandbox.url());
    expect(record.length).to.equal(50);
    expect(record.filter(({ paid }) => paid).length).to.equal(1);
    expect(record.filter(({ replayed }) => replayed).length).to.equal(49);
  });

  it('aurora does not remember work that was not done', async () => {
    await behave(sandbox.url(), { aurora: { errorRate: 1, errorStatus: 503 } });
    expect((await chat('On tea', 'k1')).status).to.equal(503);
    await behave(sandbox.url(), { aurora: { errorRate: 0 } });
    expect((await chat('On tea', 'k1')).status).to.equal(200);
    expect(await paidOf()).to.deep.equal([
      [503, false, false],
      [200, true, false],
    ]);
  });

  it('borealis ignores keys: every call is new work, and is paid', async () => {
    const first = await chat('On tea', 'k1', 'borealis');
    const again = await chat('On tea', 'k1', 'borealis');
    expect(again.body.id).not.to.equal(first.body.id);
    expect(again.body.choices).to.deep.equal(first.body.choices);
    expect(await paidOf()).to.deep.equal([
      [200, true, false],
      [200, true, false],
    ]);
  });
});
