import { expect } from 'chai';
import { freePort } from '../../testing/free-port.js';
import { startReceiver } from '../../testing/receiver.js';
import { openOtlpTracing } from './otlp.js';
import { traceparentIn } from './port.js';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const UNSAMPLED = PARENT.replace(/01$/, '00');

describe('traces over OTLP', () => {
  const variables = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_SERVICE_NAME'];
  const before = variables.map((name) => [name, process.env[name]] as const);
  afterEach(() => {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });
  const open = (endpoint: string) => {
    process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = endpoint;
    const warned: string[] = [];
    const log = { warn: (_: unknown, text: string) => warned.push(text), debug: () => undefined };
    return { tracing: openOtlpTracing(log as never), warned };
  };

  it('are sent with what they are about, under the name of the service', async () => {
    process.env['OTEL_SERVICE_NAME'] = 'our-gateway';
    const collector = await startReceiver({ body: Buffer.from('{}') });
    const { tracing } = open(new URL(collector.url).origin);
    const span = tracing.begin('a thing', {
      parent: PARENT,
      kind: 'client',
      startMs: 1_790_000_001_000,
    });
    expect(span.traceparent).to.match(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
    span.end({ count: 3, absent: undefined }, 'failed', 1_790_000_003_500);
    const unsampled = tracing.begin('not wanted', { parent: UNSAMPLED });
    expect(unsampled.traceparent).to.match(/-00$/);
    unsampled.end({});
    await tracing.close();
    expect(collector.told.map(({ path }) => path)).to.deep.equal(['/v1/traces']);
    const [{ raw = '' } = {}] = collector.told;
    const [sent] = (JSON.parse(raw) as { resourceSpans: Resource[] }).resourceSpans;
    expect(sent?.resource.attributes).to.deep.include({
      key: 'service.name',
      value: { stringValue: 'our-gateway' },
    });
    const spans = sent?.scopeSpans.flatMap((scope) => scope.spans) ?? [];
    expect(spans).to.have.length(1);
    expect(spans[0]).to.deep.include({
      name: 'a thing',
      kind: 3,
      parentSpanId: 'b7ad6b7169203331',
      startTimeUnixNano: '1790000001000000000',
      endTimeUnixNano: '1790000003500000000',
      attributes: [{ key: 'count', value: { intValue: 3 } }],
    });
    await collector.close();
  });

  it('delay nothing and keep nothing while the collector is away', async () => {
    const { tracing, warned } = open(`http://127.0.0.1:${await freePort()}`);
    const began = performance.now();
    for (let n = 0; n < 20_000; n++) tracing.begin('a thing', { parent: undefined }).end({ n });
    expect(performance.now() - began).to.be.below(4_000);
    await tracing.close();
    expect(performance.now() - began).to.be.below(10_000);
    expect(warned.length).to.be.within(1, 2);
  });

  it('go on from what is a trace context, and from nothing else', () => {
    expect(traceparentIn(PARENT)).to.equal(PARENT);
    const zero = `00-${'0'.repeat(32)}-b7ad6b7169203331-01`;
    for (const text of [undefined, '', 'x', zero, PARENT.toUpperCase(), `${PARENT}-more`])
      expect(traceparentIn(text)).to.equal(undefined);
  });
});

interface Resource {
  readonly resource: { readonly attributes: readonly object[] };
  readonly scopeSpans: readonly { readonly spans: readonly object[] }[];
}
