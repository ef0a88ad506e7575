/**
 * What a provider delivered is fetched, looked at and kept as our own files; then the execution is
 * complete. The provider's address of it is never seen by a caller.
 *
 *   read ──► wait for a lane ──► fetch and keep ──► FileStored, each ──► ExecutionCompleted
 *              │ one is unusable, or unreachable for too long ──► ExecutionFailed
 *              └ unreachable now ──► the notification is delivered again
 */
import type { FileStored } from '../../contracts/events/file.js';
import type { OutputFile } from '../../contracts/events/execution.js';
import { outputFileIdOf, type ExecutionId } from '../../contracts/ids.js';
import { idOf, streamOf } from '../../contracts/streams.js';
import type * as Execution from '../../domain/execution/execution.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { Loaded, LoadOptions } from '../../command-handling/repository.js';
import { appendOf } from '../../command-handling/streams.js';
import type { Group } from '../../infra/event-bus/port.js';
import { isOutage } from '../../infra/event-store/outage.js';
import { NO_STREAM, StoreUnavailable } from '../../infra/event-store/port.js';
import type { Ending } from '../../infra/concurrency/fair-starts.js';
import { SMALL_PAYLOAD_BYTES_MAX } from '../../infra/payloads/port.js';
import type { Infra } from '../../runtime/infra.js';
import type { ProducedFile, ProviderOutput } from '../../providers/port.js';
import { metadataOf } from '../command-metadata.js';
import { storePayload } from '../../command-handling/store-payload.js';
import { fetchOutput, removeUnrecorded } from './fetch-output.js';
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
  unreachable: (provider: string) => void,
): RehostFiles {
  const lanes = openOutputLanes();
  return {
    drain: () => lanes.close(),
    group: {
      name: 'rehost-files',
      categories: ['execution'],
      subscribesTo: ['ProviderSucceeded'],
      concurrencyMax: 64,
      // At the bus's pauses of up to 5 s well beyond the time that an output is tried for.
      attemptsMax: 60,
      async handle(notification, signal) {
        const executionId = idOf(notification.stream) as ExecutionId;
        const known = { atLeast: notification.revision };
        const { state } = await infra.executions.load(executionId, known);
        if (state.status !== 'delivered') return `already_${state.status}`;
        const at = {
          organizationId: state.request.organizationId,
          host: await hostOf(infra, state),
        };
        const metadata = metadataOf('rehost-files', executionId, notification);
        const isFirst = notification.attempt === 1;
        const work = async (): Promise<Ending> => {
          const outcome = await rehostOnce(infra, executionId, known, metadata, signal).catch(
            (error) => {
              if (isFirst && error instanceof Unreachable) unreachable(state.current.provider);
              throw error;
            },
          );
          infra.metrics.handled.inc({ group: 'rehost-files/fetched', outcome });
          infra.log.debug({ executionId, outcome }, 'output');
          return outcome === 'rehosted' ? 'answered' : 'unknown';
        };
        return { outcome: 'waiting', processed: lanes.run(at, work) };
      },
    },
  };
}

type Delivered = Extract<Execution.State, { status: 'delivered' }>;

/** Of the first output: all of an execution are usually at one. Large payloads hold them. */
async function hostOf(infra: Infra, state: Delivered): Promise<string | undefined> {
  if (state.success.output.bytes > SMALL_PAYLOAD_BYTES_MAX) return undefined;
  for (const source of await producedBy(infra, state))
    if ('url' in source && URL.canParse(source.url)) return new URL(source.url).host;
  return undefined;
}

async function rehostOnce(
  infra: Infra,
  executionId: ExecutionId,
  known: LoadOptions,
  metadata: CommandMetadata,
  signal: AbortSignal,
): Promise<string> {
  try {
    let loaded = await infra.executions.load(executionId, known);
    for (;;) {
      const outcome = await rehost(infra, loaded, metadata, signal);
      if (outcome !== 'conflict') return outcome;
      loaded = await infra.executions.load(executionId);
    }
  } catch (error) {
    // A full disk, like a store that is away, makes no dead letter.
    if (isOutage(error)) throw new StoreUnavailable('an output cannot be kept now', error);
    throw error;
  }
}

async function rehost(
  infra: Infra,
  loaded: Loaded<Execution.State>,
  metadata: CommandMetadata,
  signal: AbortSignal,
): Promise<string> {
  const { state } = loaded;
  if (state.status !== 'delivered') return `already_${state.status}`;
  const delivered = { ...loaded, state };
  const produced = await producedBy(infra, state);
  const files = await fetchAll(infra, produced, state.request.executionId, signal);
  if (files === 'unusable') return fail(infra, delivered, produced, metadata);
  if (files === 'unreachable') {
    if (signal.aborted) throw new Error('stopping before an output was fetched');
    if (infra.now() > Date.parse(state.success.at) + UNREACHABLE_MAX_MS)
      return fail(infra, delivered, produced, metadata);
    throw new Unreachable('an output could not be fetched yet');
  }
  await Promise.all(files.map((file) => recordFile(infra, file, state, metadata)));
  return complete(infra, delivered, files, metadata);
}

async function producedBy(infra: Infra, { success }: Delivered): Promise<readonly ProducedFile[]> {
  const bytes = await infra.payloads.get(success.output);
  if (!bytes) throw new Error(`the payload ${success.output.ref} is gone`);
  const output = JSON.parse(bytes.toString('utf8')) as ProviderOutput;
  return output.modality === 'image' ? output.images : [];
}

/** All or nothing. */
async function fetchAll(
  infra: Infra,
  produced: readonly ProducedFile[],
  executionId: ExecutionId,
  signal: AbortSignal,
): Promise<readonly OutputFile[] | 'unusable' | 'unreachable'> {
  const files: OutputFile[] = [];
  for (const [index, source] of produced.entries()) {
    const fetched = await fetchOutput(infra, outputFileIdOf(executionId, index), source, signal);
    if (typeof fetched === 'string') return fetched;
    files.push(fetched);
  }
  return files.length > 0 ? files : 'unusable';
}

/** A repeat finds the stream and adds nothing. */
async function recordFile(
  { store, now }: Infra,
  { fileId, ...file }: OutputFile,
  { request }: Delivered,
  metadata: CommandMetadata,
): Promise<void> {
  const event: FileStored = {
    type: 'FileStored',
    data: {
      fileId,
      organizationId: request.organizationId,
      executionId: request.executionId,
      purpose: 'OUTPUT',
      ...file,
      at: new Date(now()).toISOString(),
    },
  };
  await store.append({
    appends: [appendOf(streamOf('file', fileId), NO_STREAM, [event], metadata)],
  });
}

async function complete(
  infra: Infra,
  loaded: Loaded<Delivered>,
  files: readonly OutputFile[],
  metadata: CommandMetadata,
): Promise<string> {
  const { request, current } = loaded.state;
  const { executionId, organizationId } = request;
  const { attempt } = current;
  const output = { images: files.map(shown) };
  const about = `${executionId}/output/${attempt}`;
  const { ref, inline } = await storePayload(infra, about, organizationId, output);
  const command: Execution.Command = {
    type: 'Complete',
    attempt,
    completion: { output: ref, files, summary: output },
    at: new Date(infra.now()).toISOString(),
  };
  const along = { payload: inline };
  const { outcome } = await infra.executions.decide(loaded, command, metadata, along);
  return outcome === 'accepted' ? 'rehosted' : outcome;
}

const shown = ({ fileId, format, width, height }: OutputFile) => ({
  file_id: fileId,
  format,
  width: width ?? null,
  height: height ?? null,
});

/** What was stored is removed only behind the failure: until then another may complete with it. */
async function fail(
  infra: Infra,
  loaded: Loaded<Delivered>,
  produced: readonly ProducedFile[],
  metadata: CommandMetadata,
): Promise<string> {
  const { executionId } = loaded.state.request;
  const at = new Date(infra.now()).toISOString();
  const command: Execution.Command = { type: 'Fail', code: 'GENERATION_FAILED', at };
  const { outcome } = await infra.executions.decide(loaded, command, metadata);
  if (outcome !== 'accepted') return outcome;
  infra.log.warn({ executionId }, 'a provider’s output cannot be kept; the execution failed');
  for (const index of produced.keys())
    await removeUnrecorded(infra, outputFileIdOf(executionId, index));
  return 'failed';
}
