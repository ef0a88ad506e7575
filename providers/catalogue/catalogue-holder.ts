/**
 * The catalogue in force. The file is watched: a good edit takes its place, a bad one keeps the old
 * catalogue and says why. The first text has to be good, or there is nothing to start with.
 *
 * The path is polled by stat, which outlives every way of saving a file: in place, by rename over
 * it (editors), by a swapped symbolic link (mounted configuration), also on network file systems.
 */
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { Catalogue } from '../../contracts/catalogue/catalogue.js';
import { StartError } from '../../infra/start-error.js';
import type { Variables } from './variables.js';
import { loadCatalogue, versionOf } from './load-catalogue.js';

/** The part of the process's log that the holder speaks to. */
interface CatalogueLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

interface CatalogueOptions {
  readonly path: string;
  /** Values for `${NAME}` in base URLs. */
  readonly variables: Variables;
  readonly log: CatalogueLog;
}

export interface CatalogueHolder {
  current(): Catalogue;
  /** Why the file as it is now is not in force; undefined while it is. */
  lastProblem(): string | undefined;
  /** Calls back after each change; the answer ends that. */
  onChange(listener: (catalogue: Catalogue) => void): () => void;
  close(): void;
}

const POLL_MS = 1_000;
/** A file is read once it has not changed for this long: half a file is not a bad edit. */
const QUIET_MS = 100;

/** Throws StartError when the file cannot be read or is no catalogue. */
export function openCatalogue({ path, variables, log }: CatalogueOptions): CatalogueHolder {
  const first = readText(path);
  const start = 'text' in first ? loadCatalogue(first.text, variables) : first;
  if ('problems' in start)
    throw new StartError(`The catalogue ${path} cannot be used: ${listed(start.problems)}.`);
  let catalogue = start.catalogue;
  let problem: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const listeners = new Set<(catalogue: Catalogue) => void>();

  const refuse = (problems: readonly string[]) => {
    const before = problem;
    problem = listed(problems);
    if (problem !== before)
      log.error({ path, problem, inForce: catalogue.version }, 'catalogue edit refused');
  };

  const reload = () => {
    const read = readText(path);
    if ('problems' in read) return refuse(read.problems);
    const unchanged = versionOf(read.text) === catalogue.version;
    const result = unchanged ? { catalogue } : loadCatalogue(read.text, variables);
    if ('problems' in result) return refuse(result.problems);
    problem = undefined;
    if (unchanged) return;
    catalogue = result.catalogue;
    const { version, models, providers } = catalogue;
    log.info({ version, models: models.size, providers: providers.size }, 'catalogue changed');
    for (const listener of listeners) listener(catalogue);
  };

  const settle = () => {
    clearTimeout(timer);
    timer = setTimeout(reload, QUIET_MS).unref();
  };
  watchFile(path, { interval: POLL_MS, persistent: false }, settle);
  // An edit between the first reading and the first stat would be no change to the watcher.
  settle();

  return {
    current: () => catalogue,
    lastProblem: () => problem,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: () => {
      clearTimeout(timer);
      unwatchFile(path, settle);
      listeners.clear();
    },
  };
}

type FileText = { readonly text: string } | { readonly problems: readonly string[] };

function readText(path: string): FileText {
  try {
    return { text: readFileSync(path, 'utf8') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return { problems: [`the file cannot be read (${code})`] };
  }
}

const PROBLEMS_SHOWN_MAX = 10;

function listed(problems: readonly string[]): string {
  const more = problems.length - PROBLEMS_SHOWN_MAX;
  const shown = problems.slice(0, PROBLEMS_SHOWN_MAX).join('; ');
  return more > 0 ? `${shown}; and ${more} more` : shown;
}
