import { expect } from 'chai';
import { request } from 'undici';
import { type ApiErrorBody, behave, calls, post, withSandbox } from './testing/kit.js';

interface JobBody extends ApiErrorBody {
  readonly id: string;
  readonly status: string;
  readonly output: readonly string[] | null;
}

describe('sandbox jobs', () => {
  const sandbox = withSandbox();
  const make = (input: Record<string, unknown>, headers = {}) =>
    post<JobBody & { error: ApiErrorBody['error'] }>(
      `${sandbox.url()}/polaris/v1/jobs`,
      { model: 'hd-1', input },
      headers,
    );
  const at = async (id: string) => {
    const reply = await request(`${sandbox.url()}/polaris/v1/jobs/${id}`);
    return { status: reply.statusCode, job: (await reply.body.json()) as JobBody };
  };
  const cancel = (id: string) => post<JobBody>(`${sandbox.url()}/polaris/v1/jobs/${id}/cancel`, {});
  const sea = { prompt: 'sea', size: '256x256' };

  it('accepts a job, and delivers its pictures once the time has passed', async () => {
    await behave(sandbox.url(), { polaris: { jobMs: 60 } });
    const made = await make({ ...sea, n: 2 });
    expect([made.status, made.body.status, made.body.output]).to.deep.equal([202, 'queued', null]);
    await new Promise((resolve) => setTimeout(resolve, 80));
    const { job } = await at(made.body.id);
    expect(job.status).to.equal('succeeded');
    expect(job.output).to.have.length(2);
    const picture = await request(job.output?.[0] ?? '');
    expect(picture.headers['content-type']).to.equal('image/png');
    await picture.body.dump();
  });

  it('ends a job as it is told to, and forgets jobs', async () => {
    await behave(sandbox.url(), { polaris: { jobMs: 0, jobsEnd: 'failed' } });
    const failing = await make(sea);
    expect((await at(failing.body.id)).job).to.include({ status: 'failed', output: null });
    await behave(sandbox.url(), { polaris: { jobsEnd: 'never' } });
    const endless = await make({ ...sea, prompt: 'land' });
    expect((await at(endless.body.id)).job.status).to.equal('running');
    await behave(sandbox.url(), { polaris: { forgetsJobs: true } });
    const forgotten = await at(endless.body.id);
    expect([forgotten.status, forgotten.job.error.code]).to.deep.equal([404, 'job_not_found']);
    const record = await calls(sandbox.url());
    expect(record.map(({ path, paid }) => [path.split('/')[3], paid])).to.deep.equal([
      ['jobs', false],
      ['jobs', false],
      ['jobs', true],
      ['jobs', false],
      ['jobs', false],
    ]);
  });

  it('names the same job for a repeated key, unpaid, also after a restart', async () => {
    const key = { 'idempotency-key': 'k1' };
    const first = await make(sea, key);
    const again = await make(sea, key);
    expect(again.body.id).to.equal(first.body.id);
    await sandbox.restart();
    expect((await at(first.body.id)).status).to.equal(404);
    expect((await make(sea, key)).body.id).to.equal(first.body.id);
    expect((await at(first.body.id)).status).to.equal(200);
    const record = await calls(sandbox.url());
    expect(record.filter(({ paid }) => paid)).to.have.length(1);
  });

  it('stops a job that is called off, and leaves one that is over as it is', async () => {
    const running = await make(sea);
    expect((await cancel(running.body.id)).body.status).to.equal('cancelled');
    expect((await at(running.body.id)).job.status).to.equal('cancelled');
    await behave(sandbox.url(), { polaris: { jobMs: 0 } });
    const over = await make({ ...sea, prompt: 'land' });
    expect((await cancel(over.body.id)).body.status).to.equal('succeeded');
  });

  it('lets faults strike questions instead of calls', async () => {
    await behave(sandbox.url(), {
      polaris: { faultsOn: 'polls', errorRate: 1, errorStatus: 503 },
    });
    const made = await make(sea);
    expect([made.status, (await at(made.body.id)).status]).to.deep.equal([202, 503]);
  });

  it('refuses what is wrong', async () => {
    expect((await make({ prompt: '' })).status).to.equal(400);
    expect((await make({ ...sea, prompt: '[[moderation]]' })).body.error.code).to.equal(
      'content_policy_violation',
    );
    const chat = await post<ApiErrorBody>(`${sandbox.url()}/polaris/v1/chat/completions`, {});
    expect(chat.status).to.equal(404);
    const jobs = await post<ApiErrorBody>(`${sandbox.url()}/aurora/v1/jobs`, {});
    expect(jobs.status).to.equal(404);
  });
});
