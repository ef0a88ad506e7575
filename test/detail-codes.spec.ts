/** Codes of details are texts in the code: the list has what can be answered, and no more. */
import { expect } from 'chai';
import { detailGroups } from '../scripts/detail-advice.js';
import { pathsBelow, textOf } from '../testing/repository-files.js';

const ROOMS = /^(command-api|query-api|http|domain|providers|command-handling|contracts)\//;

/** The forms in which a detail's code is written. */
const FORMS = [
  /\bcode: '([a-z_]+)'/g,
  /\b(?:invalidField|invalid)\(\s*[^,()]+,\s*'([a-z_]+)',/g,
  /\b(?:refusal|problem)\('([a-z_]+)',/g,
  /\brefuse\(reader, '([a-z_]+)',/g,
];

/** Where codes are words of a table, and the form of its lines. */
const TABLES: Readonly<Record<string, RegExp>> = {
  'command-api/refusals.ts': /\bpassed\('([a-z_]+)', /g,
  'contracts/http/schema-violations.ts': /^ {4}([a-zA-Z]+): \(\) =>/gm,
  'providers/moderation.ts': /^ {2}\['([a-z_]+)', /gm,
};

/** Made of two parts, or of what nothing else was found for. */
const MADE = ['key_rate_limit', 'organization_rate_limit', 'other'];

const snakeCase = (word: string) => word.replaceAll(/[A-Z]/g, (one) => `_${one.toLowerCase()}`);

describe('codes of details', () => {
  it('are all listed for integrators, and each that is listed is answered', () => {
    const paths = pathsBelow().filter(
      (path) => ROOMS.test(path) && /(?<!\.spec)\.ts$/.test(path) && !path.includes('/testing/'),
    );
    const written = paths.flatMap((path) => {
      const table = TABLES[path];
      const forms = table ? [...FORMS, table] : FORMS;
      return forms.flatMap((form) => [...textOf(path).matchAll(form)].map(([, code = '']) => code));
    });
    const answered = new Set([...written.map(snakeCase), ...MADE]);
    const listed = detailGroups.flatMap(({ codes }) => Object.keys(codes));
    expect(listed.toSorted()).to.deep.equal([...answered].sort());
  });
});
