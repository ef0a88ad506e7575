/**
 * A guide as a page: its Markdown as HTML, around it the list of all guides. Nothing in it runs,
 * and it loads nothing; what Markdown has of HTML is shown as text.
 */
import { createHash } from 'node:crypto';
import { Marked, type Tokens } from 'marked';
import { INDEX, servedLink, type GuideSection } from './guide-files.js';

interface GuidePage {
  readonly name: string;
  readonly markdown: string;
  readonly sections: readonly GuideSection[];
}

export function guideHtml({ name, markdown, sections }: GuidePage): string {
  const title = /^# (.+)$/m.exec(markdown)?.[1] ?? 'ModelRoute';
  const source = `/docs/${name}.md`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} · ModelRoute</title>
<link rel="alternate" type="text/markdown" href="${source}">
<style>${STYLE}</style></head><body>
<header><a href="/docs/">ModelRoute</a> <span>API guides</span></header>
<main>
${bodyOf(markdown)}
<p class="source"><a href="${source}">This page as Markdown</a></p>
</main>
<nav aria-label="Guides">${navigationOf(sections, name)}</nav>
</body></html>
`;
}

function navigationOf(sections: readonly GuideSection[], current: string): string {
  const link = (href: string, text: string, isCurrent: boolean) =>
    `<li><a href="${href}"${isCurrent ? ' aria-current="page"' : ''}>${escaped(text)}</a></li>`;
  const guides = sections.map(({ title, guides: listed }) => {
    const links = listed.map(({ name, title: text }) =>
      link(`/docs/${name}`, text, name === current),
    );
    return `<h2>${escaped(title)}</h2><ul>${links.join('')}</ul>`;
  });
  const others = [
    link('/docs/', 'All guides', current === INDEX),
    link('/docs', 'API reference', false),
    link('/openapi.json', 'OpenAPI document', false),
    link('/llms.txt', 'For agents: llms.txt', false),
  ];
  return `${guides.join('')}<h2>Reference</h2><ul>${others.join('')}</ul>`;
}

const marked = new Marked({
  gfm: true,
  renderer: {
    html: ({ text }: Tokens.HTML | Tokens.Tag) => escaped(text),
    image: ({ text }: Tokens.Image) => escaped(text),
    heading({ tokens, depth, text }: Tokens.Heading) {
      const id = anchorOf(text);
      return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
    },
    link({ href, tokens }: Tokens.Link) {
      const text = this.parser.parseInline(tokens);
      return `<a href="${escaped(pageLink(servedLink(href)))}">${text}</a>`;
    },
  },
});

/**
 * A table may be wider than a phone: it scrolls by itself. A code in a cell of its own can be
 * linked to, as the `type` of a problem does.
 */
const bodyOf = (markdown: string): string =>
  (marked.parse(markdown) as string)
    .replaceAll(
      /<td><code>([A-Z_]+)<\/code><\/td>/g,
      (cell, code: string) => `<td id="${code.toLowerCase()}">${cell.slice('<td>'.length)}`,
    )
    .replaceAll('<table>', '<div class="wide"><table>')
    .replaceAll('</table>', '</table></div>');

/** From one page to another, where Markdown names files. Addresses that would run are none. */
function pageLink(href: string): string {
  const [, name, anchor = ''] = /^([a-z-]+)\.md(#.*)?$/.exec(href) ?? [];
  if (name !== undefined) return `/docs/${name === INDEX ? '' : name}${anchor}`;
  return /^(https:\/\/|http:\/\/|\/|#)/.test(href) ? href : '#';
}

/** As GitHub has it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

const escaped = (text: string): string =>
  text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? character);

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--link:#0a58ca}
@media (prefers-color-scheme:dark){:root{--link:#7ab7ff}}
body{margin:0 auto;max-width:72rem;padding:0 1rem 3rem;font:1rem/1.6 system-ui,sans-serif;
display:grid;grid-template-columns:minmax(0,1fr);gap:0 3rem}
header{padding:1rem 0;border-bottom:1px solid var(--line);font-weight:600}
header span{font-weight:400;opacity:.7}
a{color:var(--link)}header a{color:inherit;text-decoration:none}
h1{line-height:1.2}h2{margin-top:2.2rem}
code{font:.9em ui-monospace,monospace;background:var(--soft);padding:.1em .3em;border-radius:3px;
overflow-wrap:anywhere}
pre{background:var(--soft);padding:1rem;overflow-x:auto;border-radius:6px}
pre code{background:none;padding:0;overflow-wrap:normal}
.wide{overflow-x:auto}table{border-collapse:collapse;min-width:30rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .8rem .4rem 0;
border-bottom:1px solid var(--line)}
nav{border-top:1px solid var(--line);margin-top:2rem}nav h2{font-size:1rem;margin:1.2rem 0 .3rem}
nav ul{list-style:none;margin:0;padding:0}nav li{padding:.15rem 0}
nav [aria-current]{font-weight:600;color:inherit;text-decoration:none}
.source{margin-top:3rem;font-size:.9rem}
@media (min-width:60rem){body{grid-template-columns:minmax(0,1fr) 14rem}
header{grid-column:1/-1}nav{border:0;margin:0}}
`;

/** Lets the page's own style in by its digest, and nothing else. */
export const GUIDE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
