/** The catalogues that are shipped: each is one, and editors find its schema. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { repositoryRoot } from '../../testing/child-process.js';
import { loadCatalogue } from './load-catalogue.js';

const EXAMPLES = 'catalogue.examples';

const files = [
  'catalogue.yaml',
  ...readdirSync(join(repositoryRoot, EXAMPLES))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `${EXAMPLES}/${name}`),
];

describe('catalogues that are shipped', () => {
  for (const file of files)
    it(`${file} is a catalogue, and names its schema`, () => {
      const path = join(repositoryRoot, file);
      const text = readFileSync(path, 'utf8');
      const result = loadCatalogue(text, { SANDBOX_URL: 'http://127.0.0.1:9' });
      expect('problems' in result ? result.problems : []).to.deep.equal([]);
      const schema = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1] ?? '';
      expect(schema).to.match(/catalogue\.schema\.json$/);
      expect(existsSync(join(dirname(path), schema)), schema).to.equal(true);
    });

  it('have a provider whom each of our adapters for real providers speaks to', () => {
    const adapters = files.flatMap((file) => {
      const text = readFileSync(join(repositoryRoot, file), 'utf8');
      return [...text.matchAll(/^ +adapter: (\S+)$/gm)].map(([, name = '']) => name);
    });
    expect([...new Set(adapters)]).to.include.members([
      'openai-chat',
      'openai-speech',
      'openai-transcription',
      'openai-embeddings',
      'anthropic-messages',
      'gemini-text',
      'gemini-images',
      'gemini-embeddings',
      'replicate',
      'fal',
      'generic-json',
    ]);
  });
});
