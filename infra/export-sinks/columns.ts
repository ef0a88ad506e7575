/**
 * An event of a feed as a row of flat columns, for whoever analyses many. Money is in
 * micro-dollars. A field that the event does not have is null; `data` has all of them, as JSON.
 */
import type { NumberedEvent } from '../../domain/feed/cloud-event.js';
import type { FieldsOf, OperatorField } from '../../domain/proof/operator-fields.js';
import { parseMoney } from '../../contracts/money.js';

interface ColumnShape {
  readonly name: string;
  readonly type: 'STRING' | 'INT64' | 'TIMESTAMP' | 'JSON';
  readonly of: (event: NumberedEvent, data: Data) => string | bigint | Date | Data | null;
}

type Data = Readonly<Record<string, unknown>>;

const textIn = (data: Data, field: string): string | null => {
  const value = data[field];
  return typeof value === 'string' ? value : null;
};

const microsIn = (data: Data, field: string): bigint | null => {
  const value = data[field];
  return typeof value === 'string' ? (parseMoney(value) ?? null) : null;
};

const balanceIn = (data: Data, field: string): bigint | null => {
  const { balance } = data;
  return typeof balance === 'object' && balance !== null ? microsIn(balance as Data, field) : null;
};

const text = (name: string, of: ColumnShape['of']): ColumnShape => ({ name, type: 'STRING', of });
const int = (name: string, of: ColumnShape['of']): ColumnShape => ({ name, type: 'INT64', of });

/** The executions' events are those whose subject is one, and of the account those that name it. */
const executionOf = ({ subject }: NumberedEvent, data: Data): string | null =>
  textIn(data, 'execution_id') ?? (subject.startsWith('exec_') ? subject : null);

/** Columns may be added at the end; none changes its name, type or meaning. */
export const exportColumns: readonly ColumnShape[] = [
  text('organization_id', ({ organizationId }) => organizationId),
  int('sequence', ({ sequence }) => sequence),
  text('id', ({ eventId }) => `evt_${eventId}`),
  text('type', ({ type }) => type),
  text('subject', ({ subject }) => subject),
  { name: 'time', type: 'TIMESTAMP', of: ({ at }) => new Date(at) },
  text('execution_id', executionOf),
  text('model', (_, data) => textIn(data, 'model') ?? textIn(data, 'model_used')),
  text('status', (_, data) => textIn(data, 'status')),
  text('api_key_id', (_, data) => textIn(data, 'api_key_id')),
  int('cost_micros', (_, data) => microsIn(data, 'cost')),
  int('charged_micros', (_, data) => microsIn(data, 'charged')),
  int('amount_micros', (_, data) => microsIn(data, 'amount')),
  int('returned_micros', (_, data) => microsIn(data, 'returned')),
  int('available_micros', (_, data) => balanceIn(data, 'available')),
  int('held_micros', (_, data) => balanceIn(data, 'held')),
  { name: 'data', type: 'JSON', of: (_, data) => data },
];

interface OperatorColumn {
  readonly name: string;
  readonly type: 'STRING' | 'INT64';
  readonly of: (fields: FieldsOf) => string | bigint | null;
}

const known = (name: OperatorField): OperatorColumn => ({
  name,
  type: 'STRING',
  of: (fields) => fields[name] ?? null,
});

/** What only operators know, behind the others; the fields are those that a leaf commits to. */
export const operatorColumns: readonly OperatorColumn[] = [
  known('catalogue_version'),
  known('provider'),
  known('provider_account'),
  known('route'),
  known('region'),
  {
    name: 'provider_cost_micros',
    type: 'INT64',
    of: ({ provider_cost: cost }) => (typeof cost === 'string' ? (parseMoney(cost) ?? null) : null),
  },
];
