/** Puts generated text between its two markers of a page. */
import { readFile, writeFile } from 'node:fs/promises';

/** The markers are `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`, each on a line of its own. */
export async function copyIntoDocs(page: string, name: string, text: string): Promise<void> {
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const before = await readFile(page, 'utf8');
  const [from, to] = [before.indexOf(open), before.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`${page} has no place for the ${name}: ${open}`);
  const head = before.slice(0, from + open.length);
  await writeFile(page, `${head}\n\n${text.trim()}\n\n${before.slice(to)}`);
}
