/** A model as it was in the version of the catalogue that was in force then. */
import type { PricesPublished, PublishedModel } from '../../contracts/events/catalogue.js';
import { streamOf } from '../../contracts/streams.js';
import { openRecentMap } from '../../infra/recent-map.js';
import { text } from '../../infra/read-store/table.js';
import { caughtUp } from '../caught-up.js';
import type { QueryInfra } from '../query-infra.js';
import type { Cut } from './cut.js';

export interface ModelThen {
  readonly version: string;
  readonly model: PublishedModel;
}

type ModelsInfra = Pick<QueryInfra, 'progress' | 'reads' | 'store'>;

/** Undefined where no version was in force yet, and for a model that it did not have. */
export type ModelsThen = (slug: string, cut: Cut) => Promise<ModelThen | undefined>;

/** Of some megabytes each where it has thousands of models. */
const VERSIONS_MAX = 8;

export function openModelsThen(infra: ModelsInfra): ModelsThen {
  const known = openRecentMap<string, ReadonlyMap<string, PublishedModel>>({
    costMax: Infinity,
    entriesMax: VERSIONS_MAX,
  });
  return async (slug, cut) => {
    const version = await versionInForce(infra, cut);
    if (version === undefined) return undefined;
    const models = known.get(version) ?? (await modelsOf(infra, version));
    known.set(version, models, 1);
    const model = models.get(slug);
    return model && { version, model };
  };
}

async function versionInForce(infra: ModelsInfra, cut: Cut): Promise<string | undefined> {
  await caughtUp(infra, 'catalogue_versions');
  const [row] = await infra.reads.byKey(
    cut.kind === 'position'
      ? {
          name: 'catalogue in force at a position',
          text: `
            SELECT version FROM readmodel.catalogue_versions
            WHERE position <= $1 ORDER BY position DESC LIMIT 1`,
          values: [cut.position],
        }
      : {
          name: 'catalogue in force at a time',
          text: `
            SELECT version FROM readmodel.catalogue_versions
            WHERE at <= $1 ORDER BY position DESC LIMIT 1`,
          values: [new Date(cut.ms)],
        },
  );
  return row && text(row, 'version');
}

/** A large version has several events; each model is in one of them. */
async function modelsOf({ store }: ModelsInfra, version: string) {
  const events = await store.readStream(streamOf('catalogue', version));
  const models = (events as unknown as readonly PricesPublished[]).flatMap(
    ({ data }) => data.models,
  );
  return new Map(models.map((model) => [model.slug, model]));
}
