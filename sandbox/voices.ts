/** How the personalities write: aurora in paragraphs, borealis in field notes. */
import { type Slot, type Template, type Voice } from './prose.js';

const adjectives = [
  'surprising',
  'practical',
  'delicate',
  'stubborn',
  'simple',
  'subtle',
  'patient',
  'bright',
  'lasting',
  'modest',
  'generous',
  'precise',
  'quiet',
  'familiar',
  'demanding',
  'rewarding',
];

const things = [
  'a pattern',
  'a turning point',
  'a quiet rule',
  'a useful contrast',
  'a small experiment',
  'a line of evidence',
  'a shared habit',
  'a good example',
  'a hidden cost',
  'a fair measure',
  'a matter of scale',
  'a sense of timing',
  'a change of light',
  'a question of trust',
];

export const auroraVoice: Voice = {
  openings: [
    'A good way into {1} is to start with what is {adj} about {2}.',
    'There is more to {1} than a first glance suggests, above all where {2} comes into play.',
    'The short answer about {1}: begin with {2}, and let the rest follow.',
    'You asked: “{echo}” It helps to take {1} first and {2} second.',
    'Think of {1} as {thing}, and the question “{echo}” becomes much easier to answer.',
    'On {1}, the {adj} view is also the one that leaves most room for {2}.',
  ].map(sentence),
  middles: [
    'The {adj} part of {1} is usually {thing}, and it repays a second look.',
    'Between {1} and {2} there is {thing} that most accounts leave out.',
    'When people speak of {1}, they often have {thing} in mind, and rarely say so.',
    'Seen from the side of {2}, the question of {1} becomes {adj}.',
    'It is worth asking what {thing} would do to {1}, since that is where {3} comes in.',
    'None of this is fixed: with a little more attention to {2}, the picture of {1} changes.',
    'A careful reader would separate {1} from {3} and ask for {thing} in each case.',
    'For {2} the same holds, only in a {adj} way.',
    'What makes {1} {adj} is not its size but the company it keeps with {2}.',
    'Here {3} acts as {thing}: it shows where {1} ends and {2} begins.',
    'The step from {1} to {2} looks {adj} on paper and turns out to be {thing} in practice.',
  ].map(sentence),
  closings: [
    'In the end, {1} is best judged by what it makes possible for {2}.',
    'Keep {1} in view, stay {adj} about {2}, and the rest will find its place.',
    'That is the heart of it: {1}, {2}, and the {adj} space between them.',
    'If only one thing stays, let it be this: {1} begins with {thing}.',
  ].map(sentence),
  sentencesMin: 5,
  sentencesMax: 8,
  layOut(opening, middles, closing) {
    const half = Math.ceil(middles.length / 2);
    const first = [opening, ...middles.slice(0, half)].join(' ');
    return `${first}\n\n${[...middles.slice(half), closing].join(' ')}`;
  },
};

export const borealisVoice: Voice = {
  openings: [
    'Notes on {1}, with an eye on {2}.',
    'Asked: “{echo}” Noted in reply:',
    'A few {adj} remarks on {1} and {2}.',
    '{1}, in brief.',
    'Field notes for “{echo}”.',
  ].map(sentence),
  middles: [
    '{1} before {2}: the order matters more than the amount.',
    'Look for {thing} wherever {1} is mentioned.',
    'Without {2}, {1} stays {adj} and little else.',
    'Test it: leave {3} out, and see what {1} still explains.',
    'Most doubts about {1} are really doubts about {2}.',
    'Give {1} {thing}, and give {2} time.',
    'A {adj} rule of thumb: one part {1}, two parts {2}.',
    'Where {1} meets {3}, expect {thing}.',
    'Do not confuse {1} with {2}; they only travel together.',
    'The {adj} case for {1} rests on {thing}.',
    'Write down what {1} costs before asking what {3} brings.',
    'If {2} seems {adj}, {1} has probably been misread.',
  ].map(sentence),
  closings: [
    'To sum up: {1} first, {2} next, and no hurry with either.',
    'Conclusion: stay with {1} until {2} becomes {adj}.',
    'Enough for today; {3} can wait.',
    'Open question: is {1} the cause here, or only {thing}?',
  ].map(sentence),
  sentencesMin: 4,
  sentencesMax: 6,
  layOut(opening, middles, closing) {
    const list = middles.map((line, index) => `${index + 1}. ${line}`).join('\n');
    return `${opening}\n\n${list}\n\n${closing}`;
  },
};

/** `{1}`, `{2}`, `{3}` are key phrases, `{echo}` the prompt, the others lists of this page. */
function sentence(text: string): Template {
  return text
    .split(/[{}]/)
    .map((part, index) => (index % 2 === 0 ? part : slotOf(part)))
    .filter((part) => part !== '');
}

function slotOf(name: string): Slot {
  if (name === 'echo') return { echo: true };
  if (name === 'adj') return { from: adjectives };
  if (name === 'thing') return { from: things };
  return { phrase: Number(name) - 1 };
}
