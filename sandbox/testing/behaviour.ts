/** The sandbox's own door: how it behaves, and what really reached it. */
import { send } from '../../testing/client.js';

type Personality = 'aurora' | 'borealis' | 'polaris' | 'vega' | 'lyra' | 'altair' | 'capella';

interface Behaviour {
  readonly latency?: number | Readonly<Record<string, number | string>>;
  readonly errorRate?: number;
  readonly errorStatus?: number;
  readonly retryAfterSeconds?: number | null;
  readonly misbehaviour?: string;
  readonly misbehaveRate?: number;
  readonly faultsOn?: 'calls' | 'files' | 'polls' | 'both';
  readonly jobMs?: number;
  readonly jobsEnd?: 'succeeded' | 'failed' | 'never';
  readonly forgetsJobs?: boolean;
  readonly callbackTimes?: number;
  readonly callbackDelayMs?: number;
  readonly callbackSignature?: 'good' | 'wrong';
  readonly callbacksDisordered?: boolean;
  readonly seed?: number;
}

export interface SandboxCall {
  readonly personality: string;
  readonly path: string;
  readonly dispatchKey: string | null;
  readonly bodySha256: string | null;
  readonly status: number | null;
  readonly paid: boolean;
  readonly replayed: boolean;
}

export async function behave(
  sandboxUrl: string,
  patch: Readonly<Partial<Record<Personality, Behaviour>>>,
): Promise<void> {
  const answer = await send(`${sandboxUrl}/_sandbox/behaviour`, 'PUT', { body: patch });
  if (answer.status !== 200) throw new Error(`the sandbox refused: ${answer.text}`);
}

export async function behaveWell(sandboxUrl: string): Promise<void> {
  await send(`${sandboxUrl}/_sandbox/behaviour`, 'DELETE');
}

/** What reached it for one execution: a dispatch key is `<execution id>.<attempt>`. */
export async function callsFor(sandboxUrl: string, executionId: string): Promise<SandboxCall[]> {
  const calls = await allCalls(sandboxUrl);
  return calls.filter(({ dispatchKey }) => dispatchKey?.startsWith(executionId));
}

export async function allCalls(sandboxUrl: string): Promise<readonly SandboxCall[]> {
  const url = `${sandboxUrl}/_sandbox/calls`;
  const { status, body } = await send<{ data: SandboxCall[] }>(url, 'GET');
  if (status !== 200) throw new Error(`the sandbox's record was answered ${status}`);
  return body.data;
}
