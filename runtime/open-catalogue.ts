/**
 * The catalogue of a process, and the price book. Where executions are accepted, a version is in
 * force once its prices are in the log: at the start before the process serves, after an edit a
 * moment later. Until then the version before it stays in force.
 */
import type { Catalogue } from '../contracts/catalogue/catalogue.js';
import { openPriceBook, type PriceBook } from '../command-handling/price-book.js';
import type { Config } from '../infra/config/config.js';
import { retryOnOutage } from '../infra/event-store/outage.js';
import type { EventStore } from '../infra/event-store/port.js';
import type { Log } from '../infra/logger.js';
import { openCatalogue, type CatalogueHolder } from '../providers/catalogue/catalogue-holder.js';
import type { Variables } from '../providers/catalogue/variables.js';

interface OpenCatalogueOptions {
  readonly config: Config;
  readonly store: EventStore;
  readonly sandboxUrl: string | undefined;
  readonly log: Log;
}

interface OpenedCatalogue {
  readonly catalogue: CatalogueHolder;
  readonly prices: PriceBook;
}

export async function openPricedCatalogue(options: OpenCatalogueOptions): Promise<OpenedCatalogue> {
  const { config, store, sandboxUrl, log } = options;
  const variables = variablesOf(config, sandboxUrl);
  const file = openCatalogue({ path: config.catalogueFile, variables, log });
  const prices = openPriceBook(store, () => file.current());
  const isAccepting = config.roles.has('command-api');
  const catalogue = isAccepting ? await published(file, prices, log) : file;
  return { catalogue, prices };
}

/** `${NAME}` in the catalogue is a variable of the environment; the sandbox's URL is ours. */
const variablesOf = (config: Config, sandboxUrl: string | undefined): Variables =>
  new Proxy<Record<string, string | undefined>>(
    { SANDBOX_URL: sandboxUrl },
    {
      get: (own, name) =>
        typeof name === 'string' ? (own[name] ?? config.credential(name)) : undefined,
    },
  );

async function published(
  file: CatalogueHolder,
  prices: PriceBook,
  log: Log,
): Promise<CatalogueHolder> {
  const stopped = new AbortController();
  const publish = (catalogue: Catalogue) =>
    retryOnOutage(() => prices.publish(catalogue), stopped.signal, Infinity);
  const first = file.current();
  let current = first;
  const listeners = new Set<(catalogue: Catalogue) => void>();
  const takeOver = async (next: Catalogue): Promise<void> => {
    await publish(next);
    // An edit that came meanwhile is published by its own call.
    if (file.current() !== next || stopped.signal.aborted) return;
    current = next;
    for (const listener of listeners) listener(next);
  };
  file.onChange((next) => {
    takeOver(next).catch((err: unknown) => {
      if (stopped.signal.aborted) return;
      const { version } = next;
      log.error({ err, version, inForce: current.version }, 'prices could not be published');
    });
  });
  await publish(first);
  return {
    current: () => current,
    lastProblem: () => file.lastProblem(),
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: () => {
      stopped.abort();
      listeners.clear();
      file.close();
    },
  };
}
