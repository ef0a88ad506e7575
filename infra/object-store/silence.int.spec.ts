/** A store that falls silent: no answer, no FIN, no RST. */
import { performance } from 'node:perf_hooks';
import { expect } from 'chai';
import { eventually } from '../../testing/eventually.js';
import { openTcpProxy, type TcpProxy } from '../../testing/tcp-proxy.js';
import { StoreUnavailable } from '../event-store/port.js';
import { openS3, type S3 } from './client.js';
import { readObject } from './read.js';
import { versitygwInSuite } from './testing/versitygw.js';
import { putNew } from './upload.js';

const SILENT_MS = 3_000;
const RENEWED_MS_MAX = 5_000;
/** Two seconds, and what a busy machine takes. */
const ANSWER_MS_MAX = 2_500;
const AT_ONCE = 20;

describe('a silent S3 store', function () {
  this.timeout(60_000);
  const server = versitygwInSuite();
  let proxy: TcpProxy;
  let s3: S3;
  before(async () => {
    proxy = await openTcpProxy(server().endpoint);
  });
  after(() => proxy?.close());
  beforeEach(async () => {
    s3 = await openS3({ ...server().config, endpoint: `http://127.0.0.1:${proxy.port}` });
  });
  afterEach(() => s3.close());

  const put = (name: string) => putNew(s3, `spec/${name}`, Buffer.from(name));
  const many = (prefix: string) => Array.from({ length: AT_ONCE }, (_, n) => put(`${prefix}-${n}`));

  for (const afterwards of ['delivered', 'forgotten'] as const)
    it(`answers nobody late, and is used again, when connections are ${afterwards}`, async () => {
      await Promise.all(many('before'));
      const silence = proxy.silentFor(SILENT_MS, afterwards);
      const askedAt = performance.now();
      const [first, ...others] = await Promise.allSettled(many('meanwhile'));
      expect(performance.now() - askedAt).to.be.lessThan(ANSWER_MS_MAX);
      for (const one of [first, ...others])
        expect((one as PromiseRejectedResult).reason).to.be.instanceOf(StoreUnavailable);
      await silence;
      const endedAt = performance.now();
      await eventually('it is used again', () =>
        Promise.all(many('after')).then(
          () => true,
          () => false,
        ),
      );
      expect(performance.now() - endedAt).to.be.lessThan(RENEWED_MS_MAX);
    });

  it('is used again at once when nobody had used it meanwhile', async () => {
    await Promise.all(many('idle'));
    await proxy.silentFor(SILENT_MS + 500, 'forgotten');
    const endedAt = performance.now();
    for (let n = 0; n < AT_ONCE; n++) await put(`idle-after-${n}`);
    expect(performance.now() - endedAt).to.be.lessThan(RENEWED_MS_MAX);
  });

  it('breaks a reading off that has fallen silent', async () => {
    const bytes = Buffer.alloc(16 * 1024 * 1024);
    await putNew(s3, 'spec/large', bytes);
    const reading = await readObject(s3, 'spec/large');
    let read = 0;
    const asked = (async () => {
      for await (const chunk of reading ?? []) {
        read += (chunk as Buffer).length;
        proxy.mode = 'silent';
      }
    })();
    const [end] = await Promise.allSettled([asked]);
    proxy.mode = 'through';
    expect((end as PromiseRejectedResult).reason).to.be.instanceOf(StoreUnavailable);
    expect(read).to.be.within(1, bytes.length - 1);
  });
});
