/** `catalogue versions` and `catalogue show`: what the log has about versions of the catalogue. */
import type { PricesPublished, PublishedModel } from '../../contracts/events/catalogue.js';
import { streamOf } from '../../contracts/streams.js';
import { readEvents } from '../../command-handling/streams.js';
import { START, type EventStore } from '../../infra/event-store/port.js';
import { StartError } from '../../infra/start-error.js';
import { withDatabase } from '../../runtime/open-database.js';
import type { Context } from '../context.js';
import { asJson, table } from '../table.js';
import { changesIn, linesOf, versionOf, type Version } from './version-view.js';

export function listVersions(context: Context, { json }: { readonly json?: true }): Promise<void> {
  return withDatabase(context.config(), async ({ store }) => {
    const versions = await versionsIn(store, context.signal);
    const rows = versions.map(({ version, at, models }, index) => {
      const before = versions[index - 1]?.models ?? new Map<string, PublishedModel>();
      return { version, at, models: models.size, ...changesIn(before, models) };
    });
    if (json) return context.print(asJson({ data: rows }));
    const lines = rows.map(({ version, at, models, added, removed, changed }, index) => {
      const counts = [added, removed, changed].map(({ length }) => `${length}`);
      return [version, at, `${models}`, ...(index === 0 ? ['', '', ''] : counts)];
    });
    const head = ['version', 'first in force', 'models', 'added', 'removed', 'changed'];
    context.print(table(head, lines));
  });
}

export function showVersion(
  context: Context,
  name: string,
  { against, json }: { readonly against?: string; readonly json?: true },
): Promise<void> {
  return withDatabase(context.config(), async ({ store }) => {
    const version = await versionIn(store, name);
    const before = against === undefined ? undefined : await versionIn(store, against);
    const changes = before && changesIn(before.models, version.models);
    const shown = changes && new Set([...changes.added, ...changes.changed]);
    const models = [...version.models.values()].filter(({ slug }) => shown?.has(slug) ?? true);
    if (json) {
      const data = { version: name, at: version.at, ...changes, models };
      return context.print(asJson(data));
    }
    context.print(`version ${name}, first in force ${version.at}`);
    for (const slug of changes?.removed ?? []) context.print(`- ${slug}`);
    for (const model of models)
      for (const line of linesOf(model, before?.models.get(model.slug))) context.print(line);
  });
}

const PAGE = 1_000;

/** In the order of the log, each with all its models: a large version has several events. */
async function versionsIn(store: EventStore, signal: AbortSignal): Promise<Version[]> {
  const events: PricesPublished[] = [];
  const filter = { categories: ['catalogue'], types: ['PricesPublished'] } as const;
  for (let at = START; !signal.aborted;) {
    const { events: page, position, caughtUp } = await store.readAll(at, PAGE, filter);
    events.push(...(page as unknown as PricesPublished[]));
    if (caughtUp || position <= at) break;
    at = position;
  }
  const versions = new Map<string, PricesPublished[]>();
  for (const event of events) {
    const { version } = event.data;
    versions.set(version, [...(versions.get(version) ?? []), event]);
  }
  return [...versions].map(([name, own]) => versionOf(name, own));
}

async function versionIn(store: EventStore, name: string): Promise<Version> {
  const events = await readEvents<PricesPublished>(store, streamOf('catalogue', name));
  if (events.length > 0) return versionOf(name, events);
  throw new StartError(`There was no version ${name}: see modelroute catalogue versions.`);
}
