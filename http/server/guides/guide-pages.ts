/**
 * The guides of integrators, for people and for agents:
 *
 *   /docs/            the index        /docs/index.md
 *   /docs/<guide>     a page           /docs/<guide>.md   the same as Markdown
 *   /docs/verifiers/<file>   programs that verify an audit export
 *   /llms.txt         the essentials, and the list of all guides
 *
 * `/docs/index` and the address of a page with a slash behind it lead to the page.
 * A page is made when it is first asked for, and kept.
 */
import { Router, type Response } from 'express';
import type { Pages } from '../pages.js';
import { GUIDE_POLICY, guideHtml } from './guide-html.js';
import {
  guideSections,
  guideText,
  INDEX,
  servedLink,
  verifierText,
  VERIFIERS,
} from './guide-files.js';
import { llmsText } from './llms-text.js';

/** `publicUrl` may be known only once the server listens. */
export function guidePages(addresses: { readonly publicUrl: string }): Pages {
  const sections = guideSections(guideText(INDEX));
  const names = [INDEX, ...sections.flatMap(({ guides }) => guides.map(({ name }) => name))];
  const router = Router({ caseSensitive: true, strict: true });
  const paths: string[] = [];
  const serve = (path: string, type: string, make: () => string) => {
    let body: string | undefined;
    paths.push(path);
    router.get(path, (_request, response) => {
      body ??= make();
      answer(response, type, body);
    });
  };
  const lead = (path: string, target: string) => {
    paths.push(path);
    router.get(path, (_request, response) => response.redirect(308, target));
  };
  lead('/docs/index/', '/docs/');
  lead('/docs/index', '/docs/');
  for (const name of names) {
    if (name !== INDEX) lead(`/docs/${name}/`, `/docs/${name}`);
    const markdown = () => servedMarkdown(guideText(name));
    serve(`/docs/${name}.md`, 'text/markdown', markdown);
    serve(name === INDEX ? '/docs/' : `/docs/${name}`, 'text/html', () =>
      guideHtml({ name, markdown: markdown(), sections }),
    );
  }
  for (const [path, file] of VERIFIERS) serve(path, 'text/plain', () => verifierText(file));
  serve('/llms.txt', 'text/plain', () => llmsText(sections, addresses.publicUrl));
  return { paths, router };
}

function answer(response: Response, type: string, body: string): void {
  response
    .set({
      'content-type': `${type}; charset=utf-8`,
      'content-security-policy': GUIDE_POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
    })
    .send(body);
}

/** Links to files that lie elsewhere in the repository lead to where they are served. */
const servedMarkdown = (text: string): string =>
  text.replaceAll(/\]\(([^)\s]+)\)/g, (_, href: string) => `](${servedLink(href)})`);
