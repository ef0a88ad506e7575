/**
 * A provider that the catalogue describes: request, where the answer has what, and how it ends.
 *
 *   no job    request ──► output
 *   a job     request ──► id ──► poll or callback ──► status ──► (result ──►) output
 *
 * An answer to the request that is done already is read at once. What a question about a job cannot
 * read says nothing about the job.
 */
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import type { GenericEntry } from '../../contracts/catalogue/generic-entry.js';
import { unusable } from '../failures.js';
import { jobIdIn } from '../job-answers.js';
import { unknown } from '../json-call.js';
import type {
  CalledBack,
  CallbackReading,
  JobOutcome,
  PolledJob,
  ProviderAdapter,
  ProviderCall,
  ProviderCallback,
  ProviderJob,
  ProviderOutcome,
  ProviderResult,
} from '../port.js';
import { heardIn } from '../produced.js';
import type { Vendor, Wire } from '../vendor.js';
import { checked } from './callback.js';
import {
  descriptionOf,
  descriptionProblems,
  unsentFields,
  type Description,
  type JobDescription,
} from './description.js';
import { failureIn } from './errors.js';
import { resultIn, type Asking, type Carrier } from './output.js';
import { send, withoutOutput, type Carried, type NotSent } from './request.js';
import { wordsOf } from './templates.js';

export const genericJson: Vendor = {
  'generic-json': {
    modalities: ['text', 'image', 'audio', 'transcription', 'embedding', 'video'],
    speaks: ({ generic }) => (generic ? [generic.modality] : undefined),
    check: ({ generic }, place) =>
      generic
        ? descriptionProblems(generic, `${place}.generic`)
        : [`${place}.generic: is missing; the adapter generic-json is described there`],
    checkRoute: ({ generic }, model, route) => (generic ? unsentFields(generic, model, route) : []),
    open: openGenericJson,
  },
};

function openGenericJson(wire: Wire): ProviderAdapter {
  return {
    call: (call) => callOf(wire, call),
    poll: (job) => pollOf(wire, job),
    cancel: (job) => cancelOf(wire, job),
    callsBack: ({ generic }) => generic?.job?.callback !== undefined,
    checkCallback: (callback, { provider }) => checked(wire, describedIn(provider), callback),
    readCallback: (callback, call) => readingOf(callback, call),
  };
}

function describedIn({ slug, generic }: Provider): Description {
  if (!generic) throw new Error(`the provider '${slug}' has no description`);
  return descriptionOf(generic satisfies GenericEntry);
}

async function callOf(wire: Wire, call: ProviderCall): Promise<ProviderOutcome> {
  const description = describedIn(call.provider);
  const { job } = description;
  const answer = job ? 'json' : description.answer;
  const sent = await send(wire, call, description, description.request, call, answer);
  if ('outcome' in sent) return sent.outcome;
  const asking = { ...call, ...heardIn(call) };
  if (!job) return resultOf(description, sent, asking);
  return acceptedOf(description, job, sent.carrier, asking);
}

/** Of an answer that is the end of the work. */
async function resultOf(
  description: Description,
  sent: Carried,
  call: Asking,
): Promise<ProviderResult> {
  const { carrier } = sent;
  const state = 'json' in carrier ? await stateIn(description, carrier.json) : 'succeeded';
  if (state === 'failed' || state === 'cancelled')
    return failureIn(description.errors, jsonOf(carrier), 'the answer says that it failed');
  const result = await resultIn(description, carrier, call);
  return result ?? withoutOutput(description, sent);
}

async function acceptedOf(
  description: Description,
  job: JobDescription,
  carrier: Carrier,
  call: Asking,
): Promise<ProviderOutcome> {
  const id = namedIn(await job.id.valueOf(jsonOf(carrier)));
  if (id === undefined) return unknown('accepted without the id of a job');
  const accepted: ProviderOutcome = { kind: 'accepted', providerJobId: id };
  const ended = await endOf(description, carrier);
  // What is not said to be over is under way, and so is what has to be fetched from elsewhere.
  if (ended === 'succeeded') return job.result ? accepted : doneOf(description, carrier, call);
  return ended.kind === 'pending' ? accepted : ended;
}

/** Some APIs number their jobs. */
const namedIn = (id: unknown): string | undefined =>
  jobIdIn(typeof id === 'number' ? String(id) : id);

async function pollOf(wire: Wire, job: PolledJob): Promise<JobOutcome> {
  const description = describedIn(job.provider);
  const { poll, forgotten } = description.job ?? {};
  if (!poll) return { kind: 'pending', detail: 'this provider cannot be asked' };
  const sent = await send(wire, job, description, poll, namingOf(job));
  if (!('outcome' in sent)) {
    const ended = await endOf(description, sent.carrier);
    return ended === 'succeeded' ? outputOf(wire, description, sent.carrier, job) : ended;
  }
  const isForgotten = sent.refusal !== undefined && (await forgotten?.valueOf(sent.refusal));
  return isForgotten === true ? unknown('the provider no longer knows the job') : unanswered(sent);
}

/** Of a job that is done: from the answer that says so, or from where it is fetched. */
async function outputOf(
  wire: Wire,
  description: Description,
  carrier: Carrier,
  job: PolledJob,
): Promise<JobOutcome> {
  const { result } = description.job ?? {};
  if (!result) return doneOf(description, carrier, job);
  const sent = await send(wire, job, description, result, namingOf(job), description.answer);
  return 'outcome' in sent ? unanswered(sent) : doneOf(description, sent.carrier, job);
}

async function cancelOf(wire: Wire, job: ProviderJob): Promise<boolean> {
  const description = describedIn(job.provider);
  const { cancel, cancelled } = description.job ?? {};
  if (!cancel) return false;
  const naming = { input: {}, jobId: job.providerJobId };
  const sent = await send(wire, job, description, cancel, naming, 'text');
  if ('outcome' in sent) return false;
  if (!cancelled) return true;
  return (await cancelled.valueOf(jsonOf(sent.carrier))) === true;
}

async function readingOf(
  { body }: ProviderCallback,
  called: CalledBack,
): Promise<CallbackReading | 'unreadable'> {
  const description = describedIn(called.provider);
  const { callback, result } = description.job ?? {};
  const json = jsonOf({ body });
  if (!callback || json === undefined) return 'unreadable';
  const id = namedIn(await callback.id?.valueOf(json));
  if (callback.id && id === undefined) return 'unreadable';
  const document = callback.document ? await callback.document.valueOf(json) : json;
  if (document === undefined) return 'unreadable';
  const ended = await endOf(description, { json: document });
  // What has to be fetched from elsewhere is fetched by the next question.
  const outcome: JobOutcome =
    ended !== 'succeeded'
      ? ended
      : result
        ? { kind: 'pending' }
        : await doneOf(description, { json: document }, called);
  return id === undefined ? { outcome } : { providerJobId: id, outcome };
}

const namingOf = ({ input, providerJobId }: PolledJob) => ({ input, jobId: providerJobId });

/** What the document of a job says, from an answer or a callback, before an output is read. */
async function endOf(
  description: Description,
  carrier: Carrier,
): Promise<JobOutcome | 'succeeded'> {
  const state = await stateIn(description, jsonOf(carrier));
  switch (state) {
    case 'pending':
      return { kind: 'pending' };
    case undefined:
      return { kind: 'pending', detail: 'the job has no status that the catalogue names' };
    case 'failed':
      return failureIn(description.errors, jsonOf(carrier), 'the job failed');
    case 'cancelled':
      return stopped;
    case 'succeeded':
      return 'succeeded';
  }
}

async function doneOf(
  description: Description,
  carrier: Carrier,
  call: Asking,
): Promise<ProviderResult> {
  return (await resultIn(description, carrier, call)) ?? emptyJob;
}

const emptyJob = unusable(
  'the job succeeded without an output where the catalogue says that it is',
);

const stopped: ProviderResult = {
  kind: 'failed',
  code: 'GENERATION_FAILED',
  retryable: true,
  countsAsFailure: false,
  detail: 'the job was cancelled at the provider',
};

/** Undefined for a word that is in no list; without a status, what came is the end. */
async function stateIn({ status }: Description, json: unknown) {
  if (!status) return 'succeeded' as const;
  const word = await status.path.valueOf(json);
  return word === undefined ? undefined : status.words.get(wordsOf(word));
}

function jsonOf(carrier: Carrier): unknown {
  if ('json' in carrier) return carrier.json;
  try {
    return JSON.parse(carrier.body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** A question that went wrong says nothing about the job. */
function unanswered({ outcome }: NotSent): JobOutcome {
  const { detail } = outcome;
  const pollAfterMs = outcome.kind === 'failed' ? outcome.retryAfterMs : undefined;
  if (pollAfterMs === undefined) return { kind: 'pending', detail };
  return { kind: 'pending', detail, pollAfterMs };
}
