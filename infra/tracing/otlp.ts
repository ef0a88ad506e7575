/**
 * Traces by OpenTelemetry's SDK, sent over OTLP/HTTP. Its usual variables say where to, with which
 * headers, how much is sampled and how much is kept (`OTEL_*`). This module is loaded only where
 * traces are wanted. Spans wait in a queue of bounded length, so a collector that is away costs
 * what does not fit into it, and delays nothing.
 */
import {
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type DiagLogger,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { within } from '../concurrency/pause.js';
import type { Log } from '../logger.js';
import type { Span, SpanStart, Tracing } from './port.js';

const CLOSE_MS = 2_000;
const COMPLAIN_EVERY_MS = 60_000;

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL };

export function openOtlpTracing(log: Pick<Log, 'warn' | 'debug'>): Tracing {
  diag.setLogger(complaining(log), DiagLogLevel.ERROR);
  const named = detectResources({ detectors: [envDetector] });
  const provider = new BasicTracerProvider({
    resource: defaultResource().merge(serviceNamed).merge(named),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer('modelroute');
  return {
    begin: (name, { parent, kind = 'internal', startMs }) => {
      const about = { kind: KINDS[kind], ...(startMs !== undefined && { startTime: startMs }) };
      return spanOf(tracer.startSpan(name, about, contextOf(parent)));
    },
    async close() {
      const isDone = await within(CLOSE_MS, provider.shutdown());
      if (!isDone) log.warn('the last traces could not be sent');
      diag.disable();
    },
  };
}

const serviceNamed = detectResources({
  detectors: [{ detect: () => ({ attributes: { 'service.name': 'modelroute' } }) }],
});

function contextOf(parent: SpanStart['parent']): Context {
  const [, traceId, spanId, flags] = parent?.split('-') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags, 16);
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

function spanOf(span: ReturnType<ReturnType<typeof trace.getTracer>['startSpan']>): Span {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    end(attributes, error, endMs) {
      for (const [name, value] of Object.entries(attributes))
        if (value !== undefined) span.setAttribute(name, value);
      if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
      span.end(endMs);
    },
  };
}

/** A collector that is away is told once a minute. */
function complaining(log: Pick<Log, 'warn' | 'debug'>): DiagLogger {
  let nextMs = -Infinity;
  const complain = (reason: string) => {
    if (performance.now() < nextMs) return;
    nextMs = performance.now() + COMPLAIN_EVERY_MS;
    log.warn({ reason: reason.slice(0, 500) }, 'traces could not be sent');
  };
  const nothing = () => undefined;
  return { error: complain, warn: nothing, info: nothing, debug: nothing, verbose: nothing };
}
