/** What `as_of` of a request means. */
import { asOfIn } from '../../contracts/http/as-of.js';
import { Refusal, type ApiRequest } from '../../http/server/route.js';
import type { OrganizationId } from '../../contracts/ids.js';
import type { QueryInfra } from '../query-infra.js';
import type { Cut } from './cut.js';
import { feedPosition } from './feed-position.js';

export type AsOfInfra = Pick<QueryInfra, 'now' | 'progress' | 'reads' | 'store'>;

/** Of a tenant, who counts its own events; undefined where now is meant. */
export async function tenantCut(
  infra: AsOfInfra,
  request: ApiRequest,
  organizationId: OrganizationId,
): Promise<Cut | undefined> {
  const asked = askedIn(request, infra.now);
  if (asked?.kind !== 'number') return asked;
  const position = await feedPosition(infra, organizationId, asked.number);
  if (position === undefined) throw refusal('beyond_the_feed', 'is no number of the feed yet');
  return { kind: 'position', position };
}

/** Of an operator, who names positions of the log; undefined where now is meant. */
export async function operatorCut(
  { now, store }: Pick<AsOfInfra, 'now' | 'store'>,
  request: ApiRequest,
): Promise<Cut | undefined> {
  const asked = askedIn(request, now);
  if (asked?.kind !== 'number') return asked;
  if (asked.number > (await store.head()))
    throw refusal('beyond_the_log', 'is behind the last event of the log');
  return { kind: 'position', position: asked.number };
}

/** What cursors of lists are bound to: the request's own words; none where now is meant. */
export const asOfName = ({ queryValues }: ApiRequest): readonly string[] => {
  const { as_of: asOf } = queryValues as { readonly as_of?: string };
  return asOf === undefined ? [] : ['as of', asOf];
};

/** Throws a `Refusal` for a moment that has not come, since its answer would change. */
function askedIn(request: ApiRequest, now: () => number) {
  const [, text] = asOfName(request);
  if (text === undefined) return undefined;
  const asked = asOfIn(text);
  if (!asked) throw refusal('pattern', 'is no moment of the calendar');
  if (asked.kind === 'time' && asked.ms > now())
    throw refusal('in_the_future', 'must not be later than now');
  return asked;
}

const refusal = (code: string, message: string): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The query is not valid.', [
    { field: 'as_of', code, message },
  ]);
