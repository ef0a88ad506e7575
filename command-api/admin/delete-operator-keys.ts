/** Revokes a key of an operator. */
import { ALL_OPERATORS } from '../../contracts/events/operators.js';
import { isId, type OperatorKeyId } from '../../contracts/ids.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';

export const deleteOperatorKeys = ({
  now,
  operators,
}: Pick<Commands, 'now' | 'operators'>): Route => ({
  method: 'DELETE',
  path: '/operator-keys/{id}',
  summary: 'Revoke a key of an operator',
  description: 'It is refused within one second everywhere.',
  tag: 'Operators',
  audience: 'operator',
  replySchemas: { 204: 'Revoked; also when it was before.' },
  refusals: ['NOT_FOUND'],
  async handle(request) {
    const keyId = request.params['id'] as OperatorKeyId;
    if (!isId('opk', keyId)) return new Refusal('NOT_FOUND');
    const command = { type: 'RevokeKey', keyId, at: new Date(now()).toISOString() } as const;
    const result = await operators.transact(
      ALL_OPERATORS,
      command,
      operatorMetadata(request, keyId),
    );
    if (result.outcome === 'rejected') return refused(result.reason);
    return { status: 204, logFields: { operatorKeyId: keyId } };
  },
});
