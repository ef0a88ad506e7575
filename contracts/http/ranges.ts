/** A range of time in the query of a list. */
import type { Schema } from './parts.js';

export const moment = (description: string): Schema => ({
  type: 'string',
  maxLength: 40,
  pattern:
    '^\\d{4}-\\d\\d-\\d\\d' + '(T\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,9})?)?(Z|[ +-]\\d\\d:\\d\\d))?$',
  description:
    `${description} ISO 8601; a date alone is its first moment in UTC. In a URL a plus sign is ` +
    'written `%2B`; one that is not arrives as a space, and is read as the sign.',
  examples: ['2026-01-31T12:00:00Z', '2026-01-31'],
});

export const usageRange: Readonly<Record<string, Schema>> = {
  'from?': moment('Only what was charged at or after this moment; from the beginning without it.'),
  'to?': moment('Only what was charged before this moment; up to now without it.'),
};

export const createdRange: Readonly<Record<string, Schema>> = {
  'created_from?': moment('Only what was created at or after this moment.'),
  'created_to?': moment('Only what was created before this moment.'),
};
