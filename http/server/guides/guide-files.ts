/**
 * The guides of integrators are the pages of docs/build that its index lists. The build copies the
 * folder, so that it is found from here in the source and in `dist/` alike.
 */
import { readFileSync } from 'node:fs';

export interface Guide {
  /** `quickstart`: the file without its ending, and the last part of its address. */
  readonly name: string;
  readonly title: string;
  /** One line on what it is for. */
  readonly about: string;
}

export interface GuideSection {
  readonly title: string;
  readonly guides: readonly Guide[];
}

const folder = new URL('../../../docs/build/', import.meta.url);

/** The index itself is not among its entries. */
export const INDEX = 'index';

export const guideText = (name: string): string =>
  readFileSync(new URL(`${name}.md`, folder), 'utf8');

/** What the index lists: `## Section`, and below it `- [Title](name.md): what it is for`. */
export function guideSections(index: string): readonly GuideSection[] {
  const [, ...sections] = index.split(/^## /m);
  return sections.map((text) => {
    const [title = ''] = text.split('\n');
    const entries = [...text.matchAll(/^- \[(.+?)\]\(([a-z-]+)\.md\): (.+)$/gm)];
    const guides = entries.map(([, label = '', name = '', about = '']) => ({
      name,
      title: label,
      about,
    }));
    return { title, guides };
  });
}

/** Files of docs/audit that verify an export without us, by their addresses. */
export const VERIFIERS: ReadonlyMap<string, string> = new Map([
  ['/docs/verifiers/verify.py', '../audit/verify.py'],
  ['/docs/verifiers/main.go', '../audit/verifier/main.go'],
  ['/docs/verifiers/go.mod', '../audit/verifier/go.mod'],
  ['/docs/verifiers/go.sum', '../audit/verifier/go.sum'],
]);

export const verifierText = (file: string): string => readFileSync(new URL(file, folder), 'utf8');

/** Where a link of a guide leads, seen from the API: other guides are beside it. */
export function servedLink(href: string): string {
  if (href === '../contracts/openapi.json') return '/openapi.json';
  const [path = href] = [...VERIFIERS].find(([, file]) => file === href) ?? [];
  return path;
}
