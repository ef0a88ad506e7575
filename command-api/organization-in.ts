/** The organization that the path of an operator's request names. */
import { isId, type OrganizationId } from '../contracts/ids.js';
import { Refusal, type ApiRequest } from '../http/server/route.js';

/** Throws a `Refusal` when the path names none. */
export function organizationIn(request: Pick<ApiRequest, 'params'>): OrganizationId {
  const id = request.params['id'] ?? '';
  if (isId('org', id)) return id as OrganizationId;
  throw new Refusal('NOT_FOUND');
}
