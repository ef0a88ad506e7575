/** `${NAME}` in base URLs, URLs of keys, headers and queries. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** The text with its variables filled in; a variable that is not set leaves nothing behind. */
export const filledIn = (text: string, variables: Variables): string =>
  text.replace(VARIABLE, (_, name: string) => variables[name] ?? '');

export const missingVariables = (place: string, text: string, variables: Variables): string[] =>
  [...text.matchAll(VARIABLE)].flatMap(([, name = '']) =>
    variables[name] ? [] : [`${place}: the variable ${name} is not set`],
  );

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;
