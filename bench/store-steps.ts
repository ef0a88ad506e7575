/** Calls of the store, by the step of an execution that makes them; see profile-steps.ts. */

export interface NotedCall {
  readonly kind: string;
  readonly about: readonly string[];
  readonly step: Step;
  /** Milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
}

export const STEPS = [
  ...(['submit', 'dispatch', 'complete', 'files', 'settle', 'webhook', 'timers'] as const),
  'other',
] as const;
type Step = (typeof STEPS)[number];

/** Appends are of the step whose events they bring. */
const OF_TYPES: readonly (readonly [RegExp, Step])[] = [
  [/^(HoldPlaced|ExecutionRequested)$/, 'submit'],
  [/^ProviderDispatched$/, 'dispatch'],
  [/^Hold(Settled|Released)$/, 'settle'],
  [/^(Delivery|Webhook)/, 'webhook'],
  [/^FileStored$/, 'files'],
];

/** What is read or stored is of the step whose code asks for it. */
const OF_CODE: readonly (readonly [string, Step])[] = [
  ['/processors/settle-execution/', 'settle'],
  ['/processors/deliver-webhooks/', 'webhook'],
  ['/processors/rehost-files/', 'files'],
  ['/processors/run-timers/', 'timers'],
  ['/run-execution/record-outcome', 'complete'],
  ['/run-execution/provider-calls', 'complete'],
  ['/run-execution/success', 'complete'],
  ['/processors/run-execution/', 'dispatch'],
  ['/command-api/', 'submit'],
  ['/http/server/', 'submit'],
];

export function stepOf(kind: string, about: readonly string[], stack: string): Step {
  const byType = OF_TYPES.find(([types]) => about.some((name) => types.test(name)));
  if (kind === 'append' && byType) return byType[1];
  const byCode = OF_CODE.find(([code]) => stack.includes(code));
  if (byCode) return byCode[1];
  if (about.some((name) => name.includes('/input'))) return 'submit';
  return about.some((name) => /\/(output|raw)|^Execution|^Provider/.test(name))
    ? 'complete'
    : 'other';
}

/** How many of the calls wait for one another: the most of which no two overlap. */
export function inSequence(calls: readonly Pick<NotedCall, 'fromMs' | 'toMs'>[]): number {
  let [count, endMs] = [0, -Infinity];
  for (const { fromMs, toMs } of [...calls].sort((a, b) => a.toMs - b.toMs)) {
    if (fromMs < endMs) continue;
    count++;
    endMs = toMs;
  }
  return count;
}
