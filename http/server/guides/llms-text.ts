/**
 * `/llms.txt`, in the format of llmstxt.org: a title, a summary, what an agent must know to write a
 * client, then lists of links. All links are absolute. The essentials are docs/build/llms.md.
 */
import { guideText, type GuideSection } from './guide-files.js';

/** What the essentials call the address of the API. */
const PLACEHOLDER = 'http://localhost:8080';

export function llmsText(sections: readonly GuideSection[], publicUrl: string): string {
  const lists = sections.map(({ title, guides }) => ({
    title,
    links: guides.map(({ name, title: text, about }) => ({
      text,
      url: `${publicUrl}/docs/${name}.md`,
      about,
    })),
  }));
  const reference = {
    title: 'Reference',
    links: [
      {
        text: 'OpenAPI 3.1',
        url: `${publicUrl}/openapi.json`,
        about: 'every operation, schema, error and webhook, with examples',
      },
      { text: 'API reference', url: `${publicUrl}/docs`, about: 'the same, for people' },
    ],
  };
  const text = [...lists, reference].map(
    ({ title, links }) => `## ${title}\n\n${links.map(lineOf).join('\n')}\n`,
  );
  return `${essentials(publicUrl)}\n${text.join('\n')}`;
}

const lineOf = ({ text, url, about }: Readonly<Record<'text' | 'url' | 'about', string>>) =>
  `- [${text}](${url}): ${about}`;

const essentials = (publicUrl: string): string =>
  guideText('llms')
    .replaceAll(PLACEHOLDER, publicUrl)
    .replaceAll(/\]\(([a-z-]+)\.md\)/g, `](${publicUrl}/docs/$1.md)`);
