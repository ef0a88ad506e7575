/**
 * I6: every projection is built once more from the log, beside the live one, and the two have the
 * same checksum at the same position. The live one stays as it is.
 */
import { compareProjection } from '../../projectors/app.js';
import { RebuildUnderWay } from '../../projectors/rebuild.js';
import type { Infra } from '../../infra/infra.js';
import type { Findings } from './findings.js';

export interface RebuildAudit {
  /** Rows that were equal, over all projections. */
  readonly rows: bigint;
  readonly compared: readonly string[];
  /** Why nothing can be said of the others. */
  readonly notCompared: readonly { readonly projection: string; readonly why: string }[];
}

export async function auditRebuilds(
  infra: Pick<Infra, 'readStore' | 'store' | 'log'>,
  names: readonly string[],
  findings: Findings,
  signal: AbortSignal,
): Promise<RebuildAudit> {
  const compared: string[] = [];
  const notCompared: { projection: string; why: string }[] = [];
  let rows = 0n;
  for (const projection of names) {
    signal.throwIfAborted();
    try {
      const { comparison } = (await compareProjection(infra, projection)) ?? {};
      if (!comparison) {
        notCompared.push({ projection, why: 'it is behind the log, stopped, or of other code' });
        continue;
      }
      compared.push(projection);
      const { equal, live, rebuilt } = comparison;
      if (equal) rows += live.rows;
      else findings.add('I6', projection, differenceOf(live, rebuilt));
    } catch (error) {
      if (error instanceof RebuildUnderWay) notCompared.push({ projection, why: error.message });
      else throw error;
    }
  }
  return { rows, compared, notCompared };
}

interface Sum {
  readonly position: bigint;
  readonly rows: bigint;
  readonly checksum: string;
}

const differenceOf = (live: Sum, rebuilt: Sum): string =>
  `its ${live.rows} rows at position ${live.position} have the checksum ${live.checksum}; ` +
  `rebuilt from the log they are ${rebuilt.rows} with ${rebuilt.checksum}`;
