/** What most specs do with executions. */
import { expect } from 'chai';
import { parseMoney, type Micros } from '../../contracts/money.js';
import {
  TERMINAL,
  type Client,
  type ExecutionBody,
  type LedgerEntry,
  type Submission,
} from '../../testing/client.js';
import { eventually } from '../../testing/eventually.js';

export const textOf = (prompt: string, more: Partial<Submission> = {}): Submission => ({
  model: 'text-generation-standard',
  input: { prompt, max_tokens: 64 },
  ...more,
});

/** Small, so that painting it is quick. */
export const imageOf = (prompt: string, more: Partial<Submission> = {}): Submission => ({
  model: 'flux-1.1-pro',
  input: { prompt, width: 256, height: 256 },
  ...more,
});

let keys = 0;

/** Never the same twice in one run of the specs. */
export const newKey = (): string => `spec-${process.pid}-${Date.now()}-${++keys}`;

/** Accepted, or the spec fails. */
export async function accept(api: Client, body: Submission): Promise<ExecutionBody> {
  const answer = await api.submit(body, newKey());
  expect(answer.status, answer.text).to.equal(202);
  return answer.body;
}

export const whenOver = (api: Client, id: string, deadlineMs = 15_000): Promise<ExecutionBody> =>
  eventually(
    `${id} is over`,
    async () => {
      const { status, body, text } = await api.execution(id);
      if (status !== 200) throw new Error(`${id} was answered ${status}: ${text}`);
      return TERMINAL.includes(body.status) ? body : undefined;
    },
    deadlineMs,
  );

/** Its hold has ended, one way or the other. */
export const whenSettled = (api: Client, id: string): Promise<readonly LedgerEntry[]> =>
  eventually(
    `the hold of ${id} has ended`,
    async () => {
      const entries = await ledgerOf(api, id);
      return entries.some(({ type }) => type === 'RELEASE') ? entries : undefined;
    },
    10_000,
  );

export async function ledgerOf(api: Client, id: string): Promise<readonly LedgerEntry[]> {
  return api.all<LedgerEntry>(`/billing/ledger?execution_id=${id}`);
}

/** Throws on what is no amount of money. */
export function micros(text: string): Micros {
  const amount = parseMoney(text);
  if (amount === undefined) throw new Error(`'${text}' is no amount of money`);
  return amount;
}
