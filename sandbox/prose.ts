/**
 * Readable English about a prompt, without a model: the prompt's own key phrases, set into
 * sentences that a seeded choice picks from the voice of a personality. One prompt, model and
 * voice always give one text.
 */
import { pick, type Random, seededRandom } from './random.js';

export interface Voice {
  readonly openings: readonly Template[];
  readonly middles: readonly Template[];
  readonly closings: readonly Template[];
  readonly sentencesMin: number;
  readonly sentencesMax: number;
  /** Puts opening, middles and closing on the page. */
  layOut(opening: string, middles: readonly string[], closing: string): string;
}

/** Literal text and slots in turn, split once, so that writing a sentence is only joining. */
export type Template = readonly (string | Slot)[];
export type Slot =
  | { readonly phrase: number }
  | { readonly from: readonly string[] }
  | { readonly echo: true };

const scannedChars = 1200;
const wordCharsMax = 32;
const phraseWordsMax = 2;
const phrasesMax = 7;
const echoChars = 96;

export function proseAbout(prompt: string, voice: Voice, seed: number): string {
  const random = seededRandom(seed);
  const phrases = keyPhrases(prompt);
  const write = (template: Template) => capitalised(fill(template, phrases, prompt, random));
  const span = voice.sentencesMax - voice.sentencesMin + 1;
  const count = voice.sentencesMin + Math.floor(random() * span);
  const opening = write(pick(random, voice.openings));
  const middles: string[] = [];
  let at = Math.floor(random() * voice.middles.length);
  for (let i = 0; i < count; i++) {
    // A stride coprime to the length visits every sentence once before any is said again.
    at = (at + strideOf(voice.middles.length)) % voice.middles.length;
    const template = voice.middles[at];
    if (template) middles.push(write(template));
    rotate(phrases);
  }
  return voice.layOut(opening, middles, write(pick(random, voice.closings)));
}

/** At most so many UTF-16 units; half of a surrogate pair would not survive UTF-8, so it goes. */
export function cutTo(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  const splits = /[\uD800-\uDBFF]/.test(text.charAt(charsMax - 1));
  return text.slice(0, splits ? charsMax - 1 : charsMax);
}

function fill(template: Template, phrases: string[], prompt: string, random: Random): string {
  let text = '';
  for (const part of template) {
    if (typeof part === 'string') text += part;
    else if ('echo' in part) text += echoOf(prompt);
    else if ('phrase' in part) text += phrases[part.phrase % phrases.length] ?? '';
    else text += pick(random, part.from);
  }
  return text;
}

/** The prompt's telling phrases: the most frequent first, then in the order in which they stand. */
function keyPhrases(prompt: string): string[] {
  const counts = new Map<string, number>();
  const count = (phrase: string) => counts.set(phrase, (counts.get(phrase) ?? 0) + 1);
  let article = '';
  let open: string[] = [];
  let end = -1;
  const close = () => {
    if (open.length > 0) count(article + open.join(' '));
    open = [];
    article = '';
  };
  const text = prompt.slice(0, scannedChars);
  for (const found of text.matchAll(wordPattern)) {
    const word = cutTo(found[0], wordCharsMax);
    const plain = word.toLowerCase();
    const adjoins = /^ ?$/.test(text.slice(end, found.index));
    end = found.index + found[0].length;
    if (!adjoins || open.length === phraseWordsMax || commonWords.has(plain)) close();
    if (articles.has(plain)) article = `${articles.get(plain)} `;
    else if (!commonWords.has(plain)) open.push(found.index === 0 ? plain : word);
  }
  close();
  const phrases = [...counts].sort((a, b) => b[1] - a[1]).map(([phrase]) => phrase);
  return [...phrases.slice(0, phrasesMax), ...spares.slice(0, Math.max(0, 3 - phrases.length))];
}

const wordPattern = /[\p{L}\p{N}][\p{L}\p{N}\p{M}'’-]*/gu;

/** A phrase keeps its article, turned towards the one who asked. */
const articles = new Map([
  ...['a', 'an', 'the', 'this', 'that', 'these', 'those'].map((word) => [word, word] as const),
  ...(['my', 'our'] as const).map((word) => [word, 'your'] as const),
]);

const spares = ['your question', 'daily life', 'what comes next'];

function echoOf(prompt: string): string {
  const line = prompt.slice(0, 400).replaceAll(/\s+/g, ' ').trim();
  if (line.length <= echoChars) return line;
  const cut = line.lastIndexOf(' ', echoChars);
  return `${cutTo(line, cut > 40 ? cut : echoChars)} …`;
}

function rotate(phrases: string[]): void {
  const first = phrases.shift();
  if (first !== undefined) phrases.push(first);
}

function strideOf(length: number): number {
  return length % 5 === 0 ? 3 : 5;
}

function capitalised(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

const commonWords = new Set(
  (
    'a about above across after again all along also although always am among an and another ' +
    'answer any are around as at be because been before behind being below beside between ' +
    "beyond both brief briefly but by can can't come comes compose could create describe did " +
    "do does doing don't down during each every explain few for from further generate get " +
    "gets give go goes had has have having he hello her here hers hey hi him his how i i'm if " +
    "in inside into is it it's its just keep keeps let like list long make makes many me " +
    'means more most move moves much my near need needs never no nor not now number of off on ' +
    'once one only onto or other our out outside over own paragraph per perhaps please same ' +
    'say sentence sentences she short should show since so some such summarise summarize take ' +
    'takes talk tell than thanks that the their them then there these they this those though ' +
    'three through to too toward towards two under until up upon us use uses very via was we ' +
    "were what what's when where whether which while who whom why will with within without " +
    'word words work works would write you your yours'
  ).split(' '),
);
