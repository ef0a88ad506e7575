/** A broker that falls silent: no answer, no FIN, no RST. */
import { expect } from 'chai';
import { eventually } from '../../../testing/eventually.js';
import { freePort } from '../../../testing/free-port.js';
import { skipOutsideCi } from '../../../testing/skip.js';
import { openTcpProxy, type TcpProxy } from '../../../testing/tcp-proxy.js';
import { append, executionStream, groupNamed, keyOf, startRuns } from '../testing/contract-kit.js';
import type { Notification } from '../port.js';
import { startKafka, type KafkaBroker } from './testing/broker.js';
import { openStage, type Stage } from './testing/kit.js';

/** Notifications must come by way of Kafka itself. */
const PATIENT = { everyMs: 100, lateMs: 500, stalledMs: 60_000 };
const SILENT_MS = 3_000;
/** Five seconds, and what a busy machine takes to assign partitions again. */
const RENEWED_MS_MAX = 10_000;

describe('the bus over a silent Kafka', function () {
  this.timeout(60_000);
  let broker: KafkaBroker;
  let proxy: TcpProxy;
  let stage: Stage;

  before(async function () {
    this.timeout(200_000);
    const port = await freePort();
    try {
      broker = await startKafka({ advertise: port });
    } catch (error) {
      return skipOutsideCi(this, (error as Error).message);
    }
    proxy = await openTcpProxy(`tcp://${broker.brokers}`, port);
  });
  after(async () => {
    await broker?.close();
    await proxy?.close();
  });
  beforeEach(async () => {
    stage = await openStage(`127.0.0.1:${proxy.port}`);
  });
  afterEach(() => stage.close());

  for (const afterwards of ['delivered', 'forgotten'] as const)
    it(`goes on when its connections are ${afterwards}, and delivers nothing twice`, async () => {
      const relay = stage.startRelay();
      const { bus } = stage.openBus({ reconciliation: PATIENT });
      const runs = startRuns(bus);
      const handled: string[] = [];
      const handle = async (notification: Notification) => {
        handled.push(keyOf(notification));
        return 'handled';
      };
      runs.start({ ...groupNamed('group'), handle });
      const streams = [executionStream()];
      const appendOne = async () => {
        const stream = executionStream();
        streams.push(stream);
        await append(stage.store, stream, ['ExecutionExpired']);
      };
      await append(stage.store, streams[0]!, ['ExecutionExpired']);
      await eventually('the first is handled', () => handled.length === 1, 20_000);
      const silence = proxy.silentFor(SILENT_MS, afterwards);
      await appendOne();
      await silence;
      const endedAt = performance.now();
      await appendOne();
      await eventually('all are handled', () => handled.length >= 3, 30_000);
      const ms = performance.now() - endedAt;
      expect(handled.toSorted()).to.deep.equal(streams.map((stream) => `${stream}@0`).toSorted());
      expect(ms).to.be.lessThan(RENEWED_MS_MAX);
      await runs.stop();
      await relay.stop();
    });
});
