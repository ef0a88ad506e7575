import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect } from 'chai';
import { findSeen } from '../command-api/executions/submit.js';
import type { ExecutionId } from '../contracts/ids.js';
import { categoryOf, type StreamName } from '../contracts/streams.js';
import { STORE_CALLS, type StoreCall } from '../infra/event-store/store-calls.js';
import type { Infra } from '../runtime/infra.js';
import { openSpecInfra, type SpecInfra } from '../runtime/testing/spec-infra.js';
import { behave } from '../sandbox/testing/behaviour.js';
import { eventually } from '../testing/eventually.js';
import { startReceiver, type Receiver } from '../testing/receiver.js';
import { processorWorkers } from './app.js';
import { ask, IMAGE, smallImage, whenHoldEnded, type Asked, type Wish } from './testing/kit.js';

/** What all roles of one process ask the database for, from the request to the settled hold. */
describe('reads of one execution', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let infra: Infra;
  let reads: StreamName[];
  let payloadReads: string[];
  let stop: () => Promise<void>;
  let receiver: Receiver;

  before(async () => {
    spec = await openSpecInfra();
    await behave(spec.sandbox.url, { aurora: { latency: 5 }, borealis: { latency: 5 } });
    receiver = await startReceiver();
    infra = spec.infra;
    count(infra);
    stop = spec.run(processorWorkers(infra));
  });
  after(async () => {
    unsubscribe(STORE_CALLS, notePayloads);
    await stop();
    await receiver.close();
    await spec.close();
  });
  beforeEach(() => {
    [reads, payloadReads] = [[], []];
  });

  const notePayloads = (message: unknown) => {
    const { kind, about } = message as StoreCall;
    if (kind === 'payloads') payloadReads.push(...about);
  };

  /** All reads of streams of this process go through it. */
  function count({ store }: Infra): void {
    const readStream = store.readStream.bind(store);
    Object.assign(store, {
      readStream: (...asked: Parameters<typeof readStream>) => {
        reads.push(asked[0]);
        return readStream(...asked);
      },
    });
    subscribe(STORE_CALLS, notePayloads);
  }

  const handledOf = ({ stream }: Asked) =>
    spec.logged
      .filter((line) => line.msg === 'handled' && line['stream'] === stream)
      .map((line) => [line['group'], line['type'], line['outcome']].join(' '))
      .sort();

  async function run(wish: Wish, deliveries: number, through = infra) {
    const asked = await ask(through, wish);
    await whenHoldEnded(infra, asked);
    await eventually('all is handled', () => handledOf(asked).length === deliveries);
    const execution = reads.filter((stream) => stream === asked.stream).length;
    return { asked, execution, payloads: payloadReads.length };
  }

  it('are none for a text without a webhook', async () => {
    const { asked, execution, payloads } = await run({}, 4);
    expect(handledOf(asked)).to.deep.equal([
      'deliver-webhooks ExecutionCompleted not_due',
      'deliver-webhooks ProviderDispatched not_due',
      'run-execution ExecutionRequested dispatched',
      'settle-execution ExecutionCompleted settled',
    ]);
    expect({ execution, payloads }).to.deep.equal({ execution: 0, payloads: 0 });
  });

  it('are its input where another process has accepted it', async () => {
    const other = await spec.another();
    const { execution, payloads } = await run({}, 4, other.infra);
    expect({ execution, payloads }).to.deep.equal({ execution: 0, payloads: 1 });
  });

  it('are one before the request for whoever asks first, and none for a repeat', async () => {
    const id: ExecutionId = 'exec_00000000-0000-5000-8000-000000000000';
    await findSeen({ ...infra, allowedNetworks: [] as never }, id);
    expect(reads).to.deep.equal([`execution-${id}`]);
    const { asked } = await run({}, 4);
    reads.length = 0;
    const found = await findSeen({ ...infra, allowedNetworks: [] as never }, asked.executionId);
    expect(found.requested?.executionId).to.equal(asked.executionId);
    expect(reads).to.deep.equal([]);
  });

  it('are one for each webhook, which is answered from memory', async () => {
    const called: string[] = [];
    const note = (message: unknown) => {
      const { kind, about } = message as StoreCall;
      if (kind === 'stream') called.push(...about);
    };
    subscribe(STORE_CALLS, note);
    const { asked, execution, payloads } = await run({ webhookUrl: receiver.url }, 4);
    unsubscribe(STORE_CALLS, note);
    expect({ execution, payloads }).to.deep.equal({ execution: 2, payloads: 0 });
    expect(called).not.to.include(asked.stream);
    reads.length = 0;
    const webhookEvents = ['execution.failed'];
    const other = await run({ webhookUrl: receiver.url, webhookEvents }, 4);
    expect(other.execution).to.equal(0);
  });

  it('are those of its file for an image: to store it, and to tell that it is ready', async () => {
    const { execution, payloads } = await run({ model: IMAGE, input: smallImage('the sea') }, 5);
    expect({ execution, payloads }).to.deep.equal({ execution: 0, payloads: 0 });
    const categories = reads.map(categoryOf);
    expect(categories.filter((category) => category === 'file')).to.deep.equal(['file', 'file']);
  });
});
