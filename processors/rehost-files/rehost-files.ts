/**
 * What a provider delivered is fetched, looked at and kept as our own files; then the execution is
 * complete. The provider's address of it is never seen by a caller. What cannot be kept is neither
 * delivered nor charged, and operators see why.
 *
 *   read ──► wait for a lane ──► fetch and keep ──► ExecutionCompleted, with FileStored for each
 *              │ nothing can be kept, or one is unreachable for too long ──► ExecutionFailed
 *              ├ one is unreachable now ──► the notification is delivered again
 *              └ called off meanwhile ──► what was fetched is removed
 */
import type { FileStored } from '../../contracts/events/file.js';
import type {
  ExecutionCompleted,
  ExecutionRequested,
  ExecutionEvent,
  OutputFile,
  PayloadRef,
} from '../../contracts/events/execution.js';
import { outputFileIdOf, type ExecutionId } from '../../contracts/ids.js';
import { idOf, streamOf } from '../../contracts/streams.js';
import type * as Execution from '../../domain/execution/execution.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { Loaded, LoadOptions } from '../../command-handling/repository.js';
import { storePayload } from '../../command-handling/store-payload.js';
import { appendOf, readEvents } from '../../command-handling/streams.js';
import type { Group, Notification } from '../../infra/event-bus/port.js';
import type { Calling } from '../run-execution/route-circuits.js';
import { isOutage } from '../../infra/event-store/outage.js';
import { NO_STREAM, StoreUnavailable, type StreamAppend } from '../../infra/event-store/port.js';
import type { Ending } from '../../infra/concurrency/fair-starts.js';
import { SMALL_PAYLOAD_BYTES_MAX } from '../../infra/payloads/port.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';
import { canonicalOutput, measuredUsage, producedIn, type DeliveredOutput } from './delivered.js';
import { fetchOutput, removeUnrecorded, type Wanted } from './fetch-output.js';
import { measuredSuccess, type Delivered } from './measured-success.js';
import { keptUntil } from './kept-until.js';
import { openOutputLanes, Unreachable } from './output-lanes.js';

export interface RehostFiles {
  readonly group: Group;
  /** Resolves when nothing is fetched any more. */
  drain(): Promise<void>;
}

/** A paid output is worth trying for this long after it was delivered. */
const UNREACHABLE_MAX_MS = 2 * 60_000;

/** `unreachable` learns of each provider whose output could not be fetched, once an execution. */
export function openRehostFiles(
  infra: Infra,
  unreachable: (provider: string, calling: Calling) => void,
): RehostFiles {
  const lanes = openOutputLanes();
  /** Of what is fetched here now. */
  const underWay = new Map<ExecutionId, AbortController>();
  const rehostFor = async (job: Omit<Job, 'signal'>, signal: AbortSignal, isFirst: boolean) => {
    const calledOff = new AbortController();
    underWay.set(job.executionId, calledOff);
    const either = AbortSignal.any([signal, calledOff.signal]);
    try {
      return await rehostOnce({ ...job, signal: either });
    } catch (error) {
      if (isFirst && error instanceof Unreachable) unreachable(error.provider, error.calling);
      throw error;
    } finally {
      if (underWay.get(job.executionId) === calledOff) underWay.delete(job.executionId);
    }
  };
  return {
    drain: () => lanes.close(),
    group: {
      name: 'rehost-files',
      categories: ['execution'],
      subscribesTo: ['ProviderSucceeded', 'ExecutionCancelled', 'ExecutionExpired'],
      concurrencyMax: 64,
      // At the bus's pauses of up to 5 s well beyond the time that an output is tried for.
      attemptsMax: 60,
      async handle(notification, signal) {
        const executionId = idOf(notification.stream) as ExecutionId;
        if (notification.type !== 'ProviderSucceeded') {
          underWay.get(executionId)?.abort();
          return callOff(infra, executionId, notification.revision);
        }
        const known = { atLeast: notification.revision };
        const { state } = await infra.executions.load(executionId, known);
        if (state.status === 'completed') return recordFilesOf(infra, executionId, notification);
        if (state.status !== 'delivered') return `already_${state.status}`;
        const at = {
          organizationId: state.request.organizationId,
          host: await hostOf(infra, state),
        };
        const metadata = metadataOf('rehost-files', executionId, notification);
        const job = { infra, executionId, known, metadata };
        const work = async (): Promise<Ending> => {
          const outcome = await rehostFor(job, signal, notification.attempt === 1);
          infra.metrics.handled.inc({ group: 'rehost-files/fetched', outcome });
          infra.log.debug({ executionId, outcome }, 'output');
          return outcome === 'rehosted' ? 'answered' : 'unknown';
        };
        return { outcome: 'waiting', processed: lanes.run(at, work) };
      },
    },
  };
}

interface Job {
  readonly infra: Infra;
  readonly executionId: ExecutionId;
  readonly known: LoadOptions;
  readonly metadata: CommandMetadata;
  /** The process stops, or the execution is called off. */
  readonly signal: AbortSignal;
}

/** Of the first output: all of an execution are usually at one. Large payloads hold them. */
async function hostOf(infra: Infra, { success }: Delivered): Promise<string | undefined> {
  if (success.output.bytes > SMALL_PAYLOAD_BYTES_MAX) return undefined;
  const output = await deliveredOutput(infra, success.output);
  for (const source of output ? producedIn(output) : [])
    if ('url' in source && URL.canParse(source.url)) return new URL(source.url).host;
  return undefined;
}

/** Undefined where it was erased. */
async function deliveredOutput(
  infra: Infra,
  ref: PayloadRef,
): Promise<DeliveredOutput | undefined> {
  const bytes = await infra.payloads.get(ref);
  return bytes && (JSON.parse(bytes.toString('utf8')) as DeliveredOutput);
}

async function rehostOnce(job: Job): Promise<string> {
  const { infra, executionId } = job;
  try {
    let loaded = await infra.executions.load(executionId, job.known);
    for (;;) {
      const outcome = await rehost(job, loaded);
      if (outcome !== 'conflict') return outcome;
      loaded = await infra.executions.load(executionId);
      const { status } = loaded.state;
      // It was called off while its output was fetched.
      if (status !== 'delivered' && status !== 'completed') {
        await callOff(infra, executionId);
        return `already_${status}`;
      }
    }
  } catch (error) {
    // A full disk, like a store that is away, makes no dead letter.
    if (isOutage(error)) throw new StoreUnavailable('an output cannot be kept now', error);
    throw error;
  }
}

async function rehost(job: Job, loaded: Loaded<Execution.State>): Promise<string> {
  const { infra, signal } = job;
  const { state } = loaded;
  if (state.status !== 'delivered') return `already_${state.status}`;
  const delivered = { ...loaded, state };
  const output = await deliveredOutput(infra, state.success.output);
  if (!output) return fail(job, delivered, await whyGone(infra, state));
  const isLate = infra.now() > Date.parse(state.success.at) + UNREACHABLE_MAX_MS;
  const fetched = await fetchAll(job, state, output, isLate);
  if (fetched === 'unreachable') {
    if (signal.aborted) return stopped(job);
    const { organizationId: organization, executionId: execution } = state.request;
    const { provider, route } = state.current;
    const calling = { route, organization, execution };
    throw new Unreachable('an output could not be fetched yet', provider, calling);
  }
  if (fetched.files.length > 0) return complete(job, delivered, fetched, output);
  const outcome = await fail(job, delivered, fetched);
  // Only behind the failure: until then another may complete with what was stored.
  if (outcome === 'failed') await removeFiles(infra, state.request.executionId, output);
  return outcome;
}

/** The process stops, or nobody waits for the output any more. */
async function stopped({ infra, executionId }: Job): Promise<string> {
  const { state } = await infra.executions.load(executionId);
  if (state.status === 'delivered') throw new Error('stopping before an output was fetched');
  await callOff(infra, executionId);
  return `already_${state.status}`;
}

interface Fetched {
  readonly files: readonly OutputFile[];
  /** Which outputs are not kept, and why; for operators. */
  readonly detail: string | undefined;
}

const DETAIL_CHARS_MAX = 1_000;

/** While it is not late, one that may be there later is worth waiting for. */
async function fetchAll(
  { infra, executionId, signal }: Job,
  { current, request }: Delivered,
  output: DeliveredOutput,
  isLate: boolean,
): Promise<Fetched | 'unreachable'> {
  const provider = infra.catalogue.current().providers.get(current.provider);
  const wanted: Wanted = {
    organizationId: request.organizationId,
    modality: output.modality,
    ...(output.modality === 'embedding' && { shape: output.shape }),
    providerOrigin: provider && new URL(provider.baseUrl).origin,
    signal,
  };
  const files: OutputFile[] = [];
  const troubles: string[] = [];
  for (const [index, source] of producedIn(output).entries()) {
    const fetched = await fetchOutput(infra, outputFileIdOf(executionId, index), source, wanted);
    if (!('kind' in fetched)) {
      files.push(fetched);
      continue;
    }
    if (fetched.kind === 'unreachable' && (!isLate || signal.aborted)) return 'unreachable';
    troubles.push(`output ${index + 1}: ${fetched.reason}`);
  }
  const detail = troubles.join('; ').slice(0, DETAIL_CHARS_MAX);
  return { files, detail: detail || undefined };
}

/** The files are recorded with the completion: what is called off before has none. */
async function complete(
  job: Job,
  loaded: Loaded<Delivered>,
  { files, detail }: Fetched,
  output: DeliveredOutput,
): Promise<string> {
  const { infra, executionId, metadata } = job;
  const { request, current, success: told } = loaded.state;
  const { attempt } = current;
  const measured = measuredUsage(output, told.usage, files);
  const success = await measuredSuccess(infra, loaded.state, measured);
  const canonical = canonicalOutput(output, files, success?.usage ?? told.usage);
  const about = `${executionId}/output/${attempt}`;
  const { ref, inline } = await storePayload(infra, about, request.organizationId, canonical);
  const at = new Date(infra.now()).toISOString();
  const completion = {
    output: ref,
    files,
    summary: canonical,
    ...(success && { success }),
    ...(detail !== undefined && { detail }),
  };
  const command: Execution.Command = { type: 'Complete', attempt, completion, at };
  const kept = { ...request, expiresAt: keptUntil(infra, request, at), at };
  const dependents = files.map((file) => recordingOf(file, kept, metadata));
  const along = { payload: inline, dependents };
  const { outcome } = await infra.executions.decide(loaded, command, metadata, along);
  if (outcome !== 'accepted') return outcome;
  if (detail !== undefined) infra.log.warn({ executionId, detail }, 'a part of an output is lost');
  return 'rehosted';
}

/** A stream that is there already stays as it is. */
function recordingOf(
  { fileId, ...file }: OutputFile,
  kept: Pick<FileStored['data'], 'organizationId' | 'executionId' | 'expiresAt' | 'at'>,
  metadata: CommandMetadata,
): StreamAppend {
  const { organizationId, executionId, expiresAt, at } = kept;
  const event: FileStored = {
    type: 'FileStored',
    data: {
      fileId,
      organizationId,
      executionId,
      purpose: 'OUTPUT',
      ...file,
      ...(expiresAt !== undefined && { expiresAt }),
      at,
    },
  };
  return appendOf(streamOf('file', fileId), NO_STREAM, [event], metadata);
}

/** Throws where it is gone though nobody erased it, which an operator has to look at. */
async function whyGone(infra: Infra, { request, success }: Delivered): Promise<Fetched> {
  if ((await infra.dataKeys.keyFor(request.organizationId)) === 'erased')
    return { files: [], detail: 'its organization was erased' };
  throw new Error(`the payload ${success.output.ref} is gone`);
}

async function fail(
  { infra, executionId, metadata }: Job,
  loaded: Loaded<Delivered>,
  { detail }: Fetched,
): Promise<string> {
  const at = new Date(infra.now()).toISOString();
  const why = detail === undefined ? {} : { detail };
  const command: Execution.Command = { type: 'Fail', code: 'GENERATION_FAILED', ...why, at };
  const { outcome } = await infra.executions.decide(loaded, command, metadata);
  if (outcome !== 'accepted') return outcome;
  const told = 'a provider’s output cannot be kept; the execution failed';
  infra.log.warn({ executionId, detail }, told);
  return 'failed';
}

/** Where a store appends one stream at a time, a crash may have left files without their events. */
async function recordFilesOf(
  infra: Infra,
  executionId: ExecutionId,
  notification: Notification,
): Promise<string> {
  const { store } = infra;
  const events = await readEvents<ExecutionEvent>(store, notification.stream);
  const completed = events.find(({ type }) => type === 'ExecutionCompleted');
  if (!completed) return 'already_completed';
  const { data } = completed as ExecutionCompleted;
  const requested = events.find(({ type }) => type === 'ExecutionRequested');
  const { data: asked } = requested as ExecutionRequested;
  const kept = { ...data, expiresAt: keptUntil(infra, asked, data.at) };
  const metadata = metadataOf('rehost-files', executionId, notification);
  for (const file of data.files)
    await store.append({ appends: [recordingOf(file, kept, metadata)] });
  return 'already_completed';
}

/** What was fetched for an execution that nobody waits for any more is removed. */
async function callOff(infra: Infra, executionId: ExecutionId, atLeast?: number): Promise<string> {
  const { state } = await infra.executions.load(executionId, { atLeast });
  if (!('request' in state) || hasNoFiles(state.request.modality)) return 'without_files';
  const stream = streamOf('execution', executionId);
  const events = await readEvents<ExecutionEvent>(infra.store, stream);
  const succeeded = events.find((event) => event.type === 'ProviderSucceeded');
  if (succeeded?.type !== 'ProviderSucceeded') return 'without_files';
  const output = await deliveredOutput(infra, succeeded.data.output);
  if (!output) return 'erased'; // what no event names is swept
  await removeFiles(infra, executionId, output);
  return 'removed';
}

const hasNoFiles = (modality: string): boolean =>
  modality === 'text' || modality === 'transcription';

async function removeFiles(
  infra: Infra,
  executionId: ExecutionId,
  output: DeliveredOutput,
): Promise<void> {
  for (const index of producedIn(output).keys())
    await removeUnrecorded(infra, outputFileIdOf(executionId, index));
}
