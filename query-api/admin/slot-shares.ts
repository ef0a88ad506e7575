/** Who has how many slots of a provider. */
import type { NamedReport, ProviderReport } from '../../infra/process-reports/postgres.js';

/** What a process reports of a provider. */
export interface SeenProvider extends ProviderReport {
  readonly instance: string;
}

export const seenBy = (current: readonly NamedReport[]): readonly SeenProvider[] =>
  current.flatMap(({ instance, providers }) => providers.map((one) => ({ ...one, instance })));

/** A process of an older release has all of them for itself. */
export const sharesBody = (seen: readonly SeenProvider[], bulkhead: number) =>
  seen.map(({ instance, inUse, slots = bulkhead }) => ({ instance, in_flight: inUse, slots }));
