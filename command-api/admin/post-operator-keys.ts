/** Creates a key of an operator; its hash alone is kept. */
import { ALL_OPERATORS } from '../../contracts/events/operators.js';
import { randomBytes, randomUUID } from 'node:crypto';
import {
  createdOperatorKeySchema,
  createOperatorKeySchema,
  type CreateOperatorKeyBody,
} from '../../contracts/http/operator-keys.js';
import type { OperatorKeyId } from '../../contracts/ids.js';
import { apiKeyHash, operatorKeyText } from '../../http/server/api-key-text.js';
import type { Route } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';

export const postOperatorKeys = ({
  now,
  operators,
}: Pick<Commands, 'now' | 'operators'>): Route => ({
  method: 'POST',
  path: '/operator-keys',
  summary: 'Create a key of an operator',
  description: 'The key is shown this once. At most 50 at a time.',
  tag: 'Operators',
  audience: 'operator',
  bodySchema: createOperatorKeySchema,
  replySchemas: { 201: createdOperatorKeySchema },
  refusals: ['CONFLICT'],
  async handle(request) {
    const { name, role } = request.body as CreateOperatorKeyBody;
    const key = operatorKeyText(randomBytes(32));
    const keyId: OperatorKeyId = `opk_${randomUUID()}`;
    const at = new Date(now()).toISOString();
    const data = { keyId, name, role, hash: apiKeyHash(key), hint: key.slice(-4), at };
    const command = { type: 'CreateKey', data } as const;
    const result = await operators.transact(
      ALL_OPERATORS,
      command,
      operatorMetadata(request, keyId),
    );
    if (result.outcome === 'rejected') return refused(result.reason);
    return {
      status: 201,
      body: { id: keyId, name, role, created_at: at, key },
      logFields: { operatorKeyId: keyId },
    };
  },
});
