/** `verify`, for people and for programs. */
import { EXIT_FOUND, type Context } from './context.js';
import { asJson } from './table.js';
import { runAudit, type AuditReport } from '../audit/run-audit.js';

export async function verifyCommand(
  context: Context,
  options: {
    readonly settled?: true;
    readonly deep?: true;
    readonly skipRebuild?: true;
    readonly calls?: string;
    readonly receiverRecord?: string;
    readonly maxFindings: number;
    readonly json?: true;
  },
): Promise<void> {
  const { maxFindings, json, receiverRecord = options.calls } = options;
  const { settled = false, deep = false, skipRebuild = false } = options;
  const asked = { settled, deep, skipRebuild, receiverRecord };
  const report = await runAudit(context.config(), asked, context.signal);
  context.print(json ? jsonOf(report, maxFindings) : textOf(report, maxFindings));
  if (report.findings.total > 0) context.endWith(EXIT_FOUND);
}

function jsonOf(report: AuditReport, maxFindings: number): string {
  const { position, checked, receiverCalls, paidAgain, rebuilt, findings, seconds } = report;
  return asJson({
    position: `${position}`,
    checked: {
      ...checked,
      receiver_calls: receiverCalls ?? null,
      paid_again: paidAgain ?? null,
      read_models: rebuilt?.compared ?? null,
      read_model_rows: rebuilt ? `${rebuilt.rows}` : null,
      read_models_not_compared: rebuilt?.notCompared ?? null,
    },
    findings: findings.kept.slice(0, maxFindings),
    findings_total: findings.total,
    seconds: Number(seconds.toFixed(3)),
  });
}

function textOf(report: AuditReport, maxFindings: number): string {
  const { position, checked, receiverCalls, paidAgain = 0, rebuilt, findings } = report;
  const { events, executions, holds, deliveries, accounts, payloads } = checked;
  const lines = findings.kept
    .slice(0, maxFindings)
    .map(({ invariant, subject, problem }) => `${invariant}  ${subject}  ${problem}`);
  if (findings.total > lines.length)
    lines.push(`… and ${findings.total - lines.length} more findings`);
  const log = `${events} events up to position ${position}`;
  lines.push(
    `checked ${log} in ${report.logSeconds.toFixed(1)} s: ${executions} executions, ` +
      `${holds} holds, ${deliveries} deliveries, ${accounts} accounts, ${payloads} payloads`,
  );
  if (receiverCalls !== undefined) lines.push(`checked ${receiverCalls} calls that were received`);
  if (paidAgain > 0)
    lines.push(`${paidAgain} executions were paid for more than once, after an unknown outcome`);
  if (rebuilt) {
    const seconds = (report.seconds - report.logSeconds).toFixed(1);
    lines.push(`rebuilt ${rebuilt.compared.length} read models for comparison in ${seconds} s`);
    for (const { projection, why } of rebuilt.notCompared)
      lines.push(`could not compare ${projection}: ${why}`);
  }
  lines.push(findings.total === 0 ? 'nothing is wrong' : `findings: ${findings.total}`);
  return lines.join('\n');
}
