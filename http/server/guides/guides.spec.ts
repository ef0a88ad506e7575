/** The guides as they are served: every page, every link of it, and what agents read. */
import { readdir } from 'node:fs/promises';
import { expect } from 'chai';
import { errorCatalogue } from '../../../contracts/error-codes.js';
import { referencePages } from '../openapi/reference-pages.js';
import { openTestServer, type TestServer } from '../testing/kit.js';
import { GUIDE_POLICY, guideHtml } from './guide-html.js';
import { guideSections, guideText } from './guide-files.js';
import { guidePages } from './guide-pages.js';

const PUBLIC_URL = 'https://api.acme.test';

/** Read by operators and contributors, or part of another page. */
const NOT_SERVED = ['add-a-vendor', 'connect-a-provider', 'index', 'llms'];

/** Of a system that its reader runs alone, with a provider to play with. */
const ABOUT_THE_SANDBOX = 'testing';

const sections = guideSections(guideText('index'));
const names = ['index', ...sections.flatMap(({ guides }) => guides.map(({ name }) => name))];

const hrefsOf = (html: string): readonly string[] =>
  [...html.matchAll(/ href="([^"]*)"/g)].map(([, href = '']) => href);

describe('the guides', () => {
  let server: TestServer;
  before(async () => {
    const mounts = [{ path: '/openapi.json', handle: async () => ({ status: 200, body: {} }) }];
    const pages = [referencePages(), guidePages({ publicUrl: PUBLIC_URL })];
    server = await openTestServer({ routes: [], mounts, pages });
  });
  after(() => server.close());

  const pageOf = (name: string) => server.ask('GET', name === 'index' ? '/docs/' : `/docs/${name}`);

  it('are all of docs/build, each listed once with what it is for', async () => {
    const files = (await readdir(new URL('../../../docs/build/', import.meta.url)))
      .map((file) => file.replace('.md', ''))
      .filter((name) => !NOT_SERVED.includes(name));
    expect(names.slice(1).sort()).to.deep.equal(files.sort());
  });

  for (const name of names)
    describe(name, () => {
      it('is a page that runs nothing and loads nothing', async () => {
        const { status, headers, text } = await pageOf(name);
        expect([status, headers['content-type']]).to.deep.equal([200, 'text/html; charset=utf-8']);
        expect(headers['content-security-policy']).to.equal(GUIDE_POLICY);
        expect(text).to.match(/<title>[^<]{3,60} · ModelRoute<\/title>/);
        expect(text).to.match(
          /<meta name="viewport" content="width=device-width, initial-scale=1">/,
        );
        expect(text).not.to.match(/<script|<img|<iframe| on\w+=|javascript:/i);
        expect(text.match(/ src="/g)).to.equal(null);
      });

      it('is the same as Markdown', async () => {
        const { status, headers, text } = await server.ask('GET', `/docs/${name}.md`);
        expect([status, headers['content-type']]).to.deep.equal([
          ...[200, 'text/markdown; charset=utf-8'],
        ]);
        expect(text).to.match(/^# /);
      });

      it('has links that lead somewhere', async () => {
        const { text } = await pageOf(name);
        const markdown = await server.ask('GET', `/docs/${name}.md`);
        const inMarkdown = [...markdown.text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = '']) => to);
        const targets = [...hrefsOf(text), ...inMarkdown];
        for (const target of new Set(targets)) {
          const { pathname, hash, origin } = new URL(target, `${PUBLIC_URL}/docs/${name}`);
          if (origin !== PUBLIC_URL) continue;
          const answer = await server.ask('GET', pathname);
          expect(answer.status, `${target} of ${name}`).to.equal(200);
          if (hash !== '' && !pathname.endsWith('.md'))
            expect(answer.text, target).to.contain(` id="${hash.slice(1)}"`);
        }
      });

      if (name === ABOUT_THE_SANDBOX) return;
      it('names no provider and no part of ours', async () => {
        const { text } = await server.ask('GET', `/docs/${name}.md`);
        const vendors = /anthropic|gemini|replicate|\bfal\b|sandbox|aurora|borealis|vega|altair/i;
        expect(vendors.exec(text)?.[0]).to.equal(undefined);
      });
    });

  it('are listed for agents, with absolute links that lead somewhere', async () => {
    const { status, headers, text } = await server.ask('GET', '/llms.txt');
    expect([status, headers['content-type']]).to.deep.equal([200, 'text/plain; charset=utf-8']);
    expect(text).to.match(/^# ModelRoute\n\n> .+\n/);
    const [essentials = '', ...lists] = text.split(/^## /m);
    expect(essentials.match(/^#+ /gm)).to.deep.equal(['# ']);
    expect(essentials).to.contain(`${PUBLIC_URL}/v1`).and.not.contain('localhost');
    const titles = lists.map((list) => list.split('\n')[0]);
    expect(titles).to.deep.equal([...sections.map(({ title }) => title), 'Reference']);
    const linkForm = /^- \[[^\]]+\]\((https:\/\/api\.acme\.test\/[^)]+)\): .{10,}$/;
    for (const line of lists.flatMap((list) => list.split('\n').slice(1)).filter(Boolean)) {
      const [, url = ''] = linkForm.exec(line) ?? [];
      const { pathname } = new URL(url);
      expect((await server.ask('GET', pathname)).status, line).to.equal(200);
    }
  });

  it('show what Markdown has of HTML as text', () => {
    const markdown =
      '# A\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) ![p](http://x/y.png)';
    const html = guideHtml({ name: 'a', markdown, sections: [] });
    expect(html).to.contain('&lt;script&gt;').and.not.contain('<script').and.not.contain('<img');
    expect(html).to.contain('<a href="#">x</a>');
  });

  it('have a place for each code, to which problems link', async () => {
    const { text } = await pageOf('errors');
    for (const code of Object.keys(errorCatalogue))
      expect(text).to.contain(`<td id="${code.toLowerCase()}"><code>${code}</code></td>`);
  });

  it('are found under the addresses that people guess', async () => {
    const guesses = [
      ['/docs/index', '/docs/'],
      ['/docs/index/', '/docs/'],
      ...names.slice(1).map((name) => [`/docs/${name}/`, `/docs/${name}`]),
    ];
    for (const [path = '', target] of guesses) {
      const { status, headers } = await server.ask('GET', path);
      expect([status, headers['location']], path).to.deep.equal([308, target]);
    }
    expect((await server.ask('GET', '/docs/none/')).status).to.equal(404);
  });

  it('have no method but those that read', async () => {
    for (const path of ['/docs/', '/docs/errors', '/docs/errors.md', '/llms.txt']) {
      const { status, headers } = await server.ask('POST', path);
      expect([path, status, headers['allow']]).to.deep.equal([path, 405, 'GET, HEAD']);
    }
    expect((await server.ask('GET', '/docs/../package.json')).status).to.equal(404);
    expect((await server.ask('GET', '/docs/add-a-vendor')).status).to.equal(404);
  });
});
