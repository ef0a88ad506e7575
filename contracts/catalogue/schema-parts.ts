/** The small vocabulary in which the schema of the catalogue file is written. */
export type Part = Readonly<Record<string, unknown>>;

export const integer = (minimum: number, maximum: number, description: string): Part => ({
  type: 'integer',
  minimum,
  maximum,
  description: `${description}, a whole number from ${minimum} to ${maximum}`,
});

export const text = (maxLength: number, description: string): Part => ({
  type: 'string',
  minLength: 1,
  maxLength,
  description,
});

export const variableName = (held: string): Part => ({
  type: 'string',
  pattern: '^[A-Z][A-Z0-9_]{0,127}$',
  description: `the NAME of the environment variable that holds ${held}`,
});

export const closed = (properties: Record<string, Part>, required: readonly string[]): Part => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

export const slug: Part = {
  type: 'string',
  pattern: '^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$',
  description: 'a slug has lower-case letters, digits, dots and hyphens, at most 63',
};
