/** The operator's bodies about keys of operators. */
import { OPERATOR_ROLES, type OperatorRole } from '../events/operators.js';
import {
  answerObject,
  id,
  requestObject,
  text,
  timestamp,
  withExample,
  type Schema,
} from './parts.js';

export interface CreateOperatorKeyBody {
  readonly name: string;
  readonly role: OperatorRole;
}

const role: Schema = {
  type: 'string',
  enum: OPERATOR_ROLES,
  description: 'ADMIN: everything. SUPPORT: reads and redrives. FINANCE: reads and money.',
};

export const createOperatorKeySchema: Schema = {
  ...requestObject('CreateOperatorKey', { name: text('Whose it is.', 200), role }),
  examples: [{ name: 'on call', role: 'SUPPORT' }],
};

const fields = {
  id: id('opk', 'The key, for managing it.'),
  name: withExample(text('Whose it is.'), 'on call'),
  role,
  created_at: timestamp('When it was created.'),
};

export const createdOperatorKeySchema: Schema = answerObject('CreatedOperatorKey', {
  ...fields,
  key: {
    ...text('The key itself; shown this once.'),
    examples: [`opk_${'3f'.repeat(32)}_5d0c1a2b`],
  },
});

export const operatorKeySchema: Schema = answerObject('OperatorKey', {
  ...fields,
  hint: withExample(text('Last four characters.'), '1a2b'),
});
