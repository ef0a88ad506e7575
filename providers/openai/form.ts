/** Fields of OpenAI's forms that are no files: each as text. */
import type { FormField } from '../multipart.js';

/** A list is repeated under its name with `[]`, as OpenAI's own clients send it. */
export function textFields(fields: Readonly<Record<string, unknown>>): FormField[] {
  return Object.entries(fields).flatMap(([name, value]): FormField[] => {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value))
      return (value as unknown[]).map((one): FormField => [`${name}[]`, textOf(one)]);
    return [[name, textOf(value)]];
  });
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);
