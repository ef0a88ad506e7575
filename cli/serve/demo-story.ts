/** How the demo is shown: short paragraphs on a terminal, log lines elsewhere. */
import type { Log } from '../../infra/logger.js';

export interface TimelineEntry {
  readonly sequence: number;
  readonly type: string;
  readonly at: string;
}

export interface LedgerLine {
  readonly type: string;
  readonly amount: string;
  readonly balance: string;
}

interface Accepted {
  readonly id: string;
  readonly model: string;
  readonly prompt: string;
  readonly held: string;
}

/** A file of a result, and where it was stored. */
interface MadeFile {
  readonly kind: 'image' | 'audio' | 'video';
  readonly fileId: string;
  readonly path: string;
}

export interface AttemptLine {
  readonly attempt: number;
  readonly provider: string;
  readonly outcome: string;
  readonly detail: string | null;
}

/** Amounts are US dollars as decimal strings. */
export interface DemoStory {
  keysAreIn(file: string): void;
  wasAccepted(accepted: Accepted): void;
  happened(entry: TimelineEntry): void;
  didNotComplete(status: string, code: string | undefined): void;
  wasPaid(ledger: readonly LedgerLine[], cost: string): void;
  answered(text: string): void;
  madeFile(made: MadeFile): void;
  /** What operators see of it. */
  wasAttempted(attempts: readonly AttemptLine[]): void;
  isOver(balance: { readonly available: string; readonly held: string }, baseUrl: string): void;
}

const TEXT_SHOWN = 120;

export const openDemoStory = (log: Log, isTerminal: boolean): DemoStory =>
  isTerminal ? toTerminal((line) => void process.stdout.write(`${line}\n`)) : toLog(log);

const toLog = (log: Log): DemoStory => ({
  keysAreIn: (file) => log.info(`demo: keys are in ${file}`),
  wasAccepted: ({ id, model, held }) => log.info(`demo: ${model} → 202 ${id}, $${held} held`),
  happened: ({ at, sequence, type }) => log.info(`demo:   ${at}  ${sequence} ${type}`),
  didNotComplete: (status, code) => log.warn(`demo:   ended ${status}${code ? ` (${code})` : ''}`),
  wasPaid: (ledger, cost) => {
    for (const line of ledger) log.info(`demo:   ledger ${ledgerText(line)}`);
    log.info(`demo:   cost $${cost}`);
  },
  answered: (text) => log.info(`demo:   "${text.slice(0, TEXT_SHOWN)}…"`),
  madeFile: ({ kind, fileId, path }) => log.info(`demo:   ${kind} ${fileId} is at ${path}`),
  wasAttempted: (attempts) => {
    for (const one of attempts) log.info(`demo:   operators see ${attemptText(one)}`);
  },
  isOver: ({ available, held }) =>
    log.info(`demo: done; $${available} available, $${held} held. Try it yourself: see README.md`),
});

const ledgerText = ({ type, amount, balance }: LedgerLine): string =>
  `${type.padEnd(10)} ${amount.padStart(9)}  → $${balance}`;

const attemptText = ({ attempt, provider, outcome, detail }: AttemptLine): string =>
  `attempt ${attempt} at ${provider}: ${outcome}${detail ? ` (${detail})` : ''}`;

const FILE_WORDS = { image: 'picture', audio: 'sound', video: 'film' } as const;

function toTerminal(write: (line: string) => void): DemoStory {
  const say = (name: string, text: string) => write(`    ${name.padEnd(10)} ${text}`);
  let keysFile = '';
  let beganAtMs = 0;
  return {
    keysAreIn: (file) => (keysFile = file),
    wasAccepted({ id, model, prompt, held }) {
      beganAtMs = 0;
      write(`\n  ${model}: “${prompt}”`);
      say('202', `${id}, $${held} held`);
    },
    happened({ type, at }) {
      beganAtMs ||= Date.parse(at);
      say('event', `${type.padEnd(22)} +${Date.parse(at) - beganAtMs} ms`);
    },
    didNotComplete: (status, code) => say('ended', code ? `${status} (${code})` : status),
    wasPaid(ledger, cost) {
      for (const line of ledger) say('ledger', ledgerText(line));
      say('cost', `$${cost}`);
    },
    answered: (text) => say('answer', `${text.slice(0, TEXT_SHOWN)}…`),
    madeFile: ({ kind, path }) => say(FILE_WORDS[kind], path),
    wasAttempted(attempts) {
      for (const one of attempts) say('operators', attemptText(one));
    },
    isOver({ available }, baseUrl) {
      write(`\n  $${available} of the demo's $100 are left. Keys are in ${keysFile}.`);
      write(`  The API and its reference are at ${baseUrl}/docs; README.md has a first curl.`);
      write('  Ctrl-C stops the system; the next start keeps everything.\n');
    },
  };
}
