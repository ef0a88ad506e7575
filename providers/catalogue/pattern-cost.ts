/**
 * How the time of a backtracking matcher grows with the length of the string, read from the text of
 * a pattern. It never says less than is true of patterns without back references.
 */

interface PatternCost {
  /** A part that can match in several ways is repeated: the time may double with each character. */
  readonly isNested: boolean;
  /** Otherwise the time is at most the length to this power, times a constant. */
  readonly degree: number;
}

/** A group that is open, or the whole pattern. */
interface Group {
  /** Something in it may match texts of several lengths. */
  isVariable: boolean;
  /** The first part of each alternative. */
  readonly firsts: string[];
  isAtStart: boolean;
}

/** A part that is repeated at most so often counts as a constant. */
const SMALL_REPEATS_MAX = 31;

/** Of the part at an index: a class, an escape, the opening or end of a group, one character. */
const partForm = /\[(?:\\[^]|[^\]\\])*\]|\\[^]|\((?:\?(?:[:=!]|<[=!]|<\w+>))?|[^]/uy;
const quantifierForm = /(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/uy;

export function patternCost(pattern: string): PatternCost {
  const whole = newGroup();
  const open: Group[] = [whole];
  let isNested = false;
  let powers = 0;
  for (let at = 0; at < pattern.length;) {
    const part = textAt(partForm, pattern, at)?.[0] ?? pattern[at]!;
    at += part.length;
    const group = open.at(-1)!;
    if (group.isAtStart) group.firsts.push(part);
    group.isAtStart = part === '|';
    if (part.startsWith('(')) {
      open.push(newGroup());
      continue;
    }
    const closed = part === ')' && open.length > 1 ? open.pop() : undefined;
    const quantifier = textAt(quantifierForm, pattern, at);
    if (closed && (closed.isVariable || isAmbiguous(closed))) open.at(-1)!.isVariable = true;
    if (!quantifier) continue;
    at += quantifier[0].length;
    const most = repeatsMax(quantifier);
    if (closed && most > 1 && (closed.isVariable || isAmbiguous(closed))) isNested = true;
    if (most > SMALL_REPEATS_MAX) powers += 1;
    if (!isFixed(quantifier)) open.at(-1)!.isVariable = true;
  }
  const isAnchored = whole.firsts.every((first) => first === '^');
  return { isNested, degree: Math.max(1, powers + (isAnchored ? 0 : 1)) };
}

const newGroup = (): Group => ({ isVariable: false, firsts: [], isAtStart: true });

function textAt(form: RegExp, pattern: string, at: number): RegExpExecArray | null {
  form.lastIndex = at;
  return form.exec(pattern);
}

function repeatsMax([, sign, least, comma, most]: RegExpExecArray): number {
  if (sign !== undefined) return sign === '?' ? 1 : Infinity;
  if (comma === '') return Number(least);
  return most === '' ? Infinity : Number(most);
}

const isFixed = ([, sign, least, comma, most]: RegExpExecArray): boolean =>
  sign === undefined && (comma === '' || least === most);

/** Two alternatives may begin alike, so that one text can be matched in two ways. */
function isAmbiguous({ firsts }: Group): boolean {
  if (firsts.length < 2) return false;
  const isLiteral = (first: string) => /^(?:[^[\\(.^$]|\\[^bBdDsSwWpPuxck0-9])$/u.test(first);
  return new Set(firsts).size < firsts.length || !firsts.every(isLiteral);
}
