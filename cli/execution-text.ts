/** An execution as an operator reads it in a terminal. */
import type { ExecutionView } from './execution-view.js';
import { knownOf, whyOf } from '../domain/routing/explanation.js';
import { table } from './table.js';

export function executionText(view: ExecutionView): string {
  const { execution, attempts, ledger, deliveries, events } = view;
  const sections: readonly (readonly [title: string, text: string])[] = [
    ['attempts', attempts.map(attemptText).join('\n')],
    ['ledger', ledger.length > 0 ? ledgerText(ledger) : ''],
    ['deliveries', deliveries.map(deliveryText).join('\n')],
    ['events', eventsText(events)],
  ];
  const shown = sections
    .filter(([, text]) => text !== '')
    .map(([title, text]) => `\n${title}\n${indented(text)}`);
  const head = `${execution.id}  ${execution.status}  ${execution.model}`;
  return [head, indented(factsText(view)), ...shown].join('\n');
}

function factsText({ execution, ...rest }: ExecutionView): string {
  const { cost, hold_amount, latency_ms, error } = execution;
  const { may_have_cost_more: lost } = rest;
  const facts: readonly (readonly [string, string | null | undefined])[] = [
    ['organization', rest.organization_id],
    ['key', rest.api_key_id],
    ['idempotency key', rest.idempotency_key],
    ['created', execution.created_at],
    ['expires', execution.expires_at],
    ['ended', execution.completed_at],
    ['hold', `${rest.hold_id}  $${hold_amount}`],
    ['cost', cost && `$${cost}`],
    ['overrun', Number(rest.overrun) > 0 ? `$${rest.overrun}, not charged` : null],
    ['may be lost', Number(lost) > 0 ? `$${lost}, to providers whose outcome is unknown` : null],
    ['latency', latency_ms === null ? null : `${latency_ms} ms`],
    ['error', error && `${error.code}: ${error.message}`],
    ['webhook', rest.webhook_url],
    ['catalogue', rest.catalogue_version],
  ];
  return facts.flatMap(([name, value]) => (value ? [`${name.padEnd(16)}${value}`] : [])).join('\n');
}

function attemptText(attempt: ExecutionView['attempts'][number]): string {
  const { route, provider, outcome, dispatched_at, ended_at, deadline } = attempt;
  const took = ended_at ? `${Date.parse(ended_at) - Date.parse(dispatched_at)} ms` : '';
  const end = outcome === 'open' ? `until ${deadline}` : took;
  const { provider_cost: known, may_have_cost: possible } = attempt;
  const cost = known ? `  costs us $${known}` : possible ? `  may cost us $${possible}` : '';
  const lines = [
    `${attempt.attempt}  ${provider} by ${route}: ${outcome}  ${end}${cost}`,
    `   dispatched ${dispatched_at} as ${attempt.dispatch_key}`,
    ...(attempt.provider_job_id ? [`   job ${attempt.provider_job_id}`] : []),
    ...(attempt.code ? [`   ${attempt.code}`] : []),
    ...(attempt.detail ? [`   ${attempt.detail}`] : []),
    ...(attempt.late_answer ? [lateText(attempt.late_answer)] : []),
    ...attempt.candidates.map((candidate) => {
      const chosen = attempt.candidates.find((one) => one.route === route);
      const known = knownOf(candidate);
      const about = `${candidate.route} of ${candidate.provider}`;
      return `   ${about}: ${whyOf(candidate, chosen)}${known ? ` (${known})` : ''}`;
    }),
  ];
  return lines.join('\n');
}

function lateText({ at, outcome, provider_cost: cost, detail }: LateAnswer): string {
  const costs = cost ? `, costs us $${cost}` : '';
  return `   too late, ${at}: ${outcome}${costs}${detail ? ` (${detail})` : ''}`;
}

type LateAnswer = NonNullable<ExecutionView['attempts'][number]['late_answer']>;

const ledgerText = (ledger: ExecutionView['ledger']): string =>
  table(
    ['TYPE', 'AMOUNT', 'BALANCE', 'AT'],
    ledger.map(({ type, amount, balance, at }) => [type, amount, balance, at]),
  );

function deliveryText({
  type,
  status,
  id,
  next_attempt_at,
  attempts,
}: ExecutionView['deliveries'][number]) {
  const next = next_attempt_at ? `  next at ${next_attempt_at}` : '';
  const tried = attempts.map(
    ({ attempt, at, http_status, reason, latency_ms }) =>
      `   ${attempt}  ${at}  ${http_status ?? reason}  ${latency_ms} ms`,
  );
  return [`${type}  ${status}  ${id}${next}`, ...tried].join('\n');
}

const eventsText = (events: ExecutionView['events']): string =>
  table(
    ['REVISION', 'POSITION', 'TYPE', 'AT', 'ACTOR'],
    events.map(({ revision, position, type, at, actor }) => [
      String(revision),
      position,
      type,
      at,
      actor,
    ]),
  );

const indented = (text: string): string => text.replaceAll(/^/gm, '  ');
