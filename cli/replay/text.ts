/** An answer as lines: nested fields are indented, and lists are numbered. */

export const textOf = (answer: object): string => linesOf(answer).join('\n');

function linesOf(value: object): readonly string[] {
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  const plain = fields.filter(([, field]) => !isNested(field)).map(([name]) => name.length);
  const width = Math.max(0, ...plain);
  return fields.flatMap(([name, field]: [string, unknown]) => {
    const label = Array.isArray(value) ? `${Number(name) + 1}` : name.replaceAll('_', ' ');
    if (!isNested(field)) return [`${label.padEnd(width)}  ${wordOf(field)}`];
    return [label, ...linesOf(field).map((line) => `  ${line}`)];
  });
}

const isNested = (field: unknown): field is object =>
  typeof field === 'object' && field !== null && Object.keys(field).length > 0;

const wordOf = (field: unknown): string =>
  typeof field === 'string' ? field : field === null ? '-' : JSON.stringify(field);
