/**
 * What a model of the sandbox makes of a conversation, whatever format it came in. A token is four
 * characters, the last one may be shorter.
 *
 *   tools    one is called where it must be, or where the newest words of the user have the words
 *            of its name; its result is answered in prose
 *   JSON     the smallest value that its schema allows, with words of the user in it
 *   reasoning takes its tokens before the answer has its own, at most half of all
 */
import { hash } from 'node:crypto';
import { type Personality } from './personalities.js';
import { cutTo, proseAbout } from './prose.js';
import { seedOf } from './random.js';
import { sampleOf } from './sample.js';

const charsPerToken = 4;

export interface GenerationRequest {
  readonly model: string;
  /** All that was said, by which one answer is told from another. */
  readonly conversation: string;
  /** Of all texts in it. */
  readonly promptChars: number;
  /** The newest words of the user. */
  readonly prompt: string;
  readonly tokensMax: number;
  readonly stops: readonly string[];
  readonly seed: number;
  readonly tools: readonly SandboxTool[];
  /** `any`: some tool must be called; else the name of one that must. */
  readonly mustCall: 'none' | 'may' | 'any' | { readonly name: string };
  /** A schema, or `json` for any JSON. */
  readonly json: Readonly<Record<string, unknown>> | 'json' | null;
  readonly reasoningTokens: number;
}

export interface SandboxTool {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

interface Generated {
  readonly text: string;
  readonly ending: 'stop' | 'length' | 'tool';
  readonly call: { readonly name: string; readonly arguments: unknown } | null;
  readonly promptTokens: number;
  /** Those of reasoning included. */
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

export function generate(request: GenerationRequest, by: Personality): Generated {
  const { prompt, tokensMax } = request;
  const reasoningTokens = Math.min(request.reasoningTokens, Math.floor(tokensMax / 2));
  const promptTokens = tokensOf(request.promptChars);
  const tool = toolFor(request);
  if (tool) {
    const call = { name: tool.name, arguments: sampleOf(tool.parameters, prompt) };
    const outputTokens = reasoningTokens + tokensOf(JSON.stringify(call.arguments).length);
    return {
      text: '',
      ending: 'tool',
      call,
      promptTokens,
      outputTokens: Math.min(outputTokens, tokensMax),
      reasoningTokens,
    };
  }
  const charsMax = (tokensMax - reasoningTokens) * charsPerToken;
  const whole = wordsOf(request, by);
  const text = cutTo(whole, charsMax);
  return {
    text,
    ending: whole.length <= charsMax ? 'stop' : 'length',
    call: null,
    promptTokens,
    outputTokens: reasoningTokens + tokensOf(text.length),
    reasoningTokens,
  };
}

const tokensOf = (chars: number): number => Math.ceil(chars / charsPerToken);

const effortTokens: Readonly<Record<string, number>> = {
  minimal: 8,
  low: 32,
  medium: 64,
  high: 128,
};

/** So many tokens a model of the sandbox reasons at that effort. */
export const reasoningTokensOf = (effort: unknown): number => effortTokens[String(effort)] ?? 0;

function toolFor({ tools, mustCall, prompt }: GenerationRequest): SandboxTool | undefined {
  if (mustCall === 'none') return undefined;
  if (mustCall === 'any') return tools[0];
  if (typeof mustCall === 'object') return tools.find(({ name }) => name === mustCall.name);
  const said = prompt.toLowerCase();
  return tools.find(({ name }) =>
    name
      .toLowerCase()
      .split(/[_-]+/)
      .every((word) => said.includes(word)),
  );
}

function wordsOf(
  { model, json, prompt, stops, seed, conversation }: GenerationRequest,
  by: Personality,
) {
  const key = hash('sha256', `${by.name}\n${model}\n${seed}\n${conversation}`, 'hex');
  const prose = () => proseAbout(prompt, by.voice, seedOf(key));
  if (json === 'json') return JSON.stringify({ answer: prose() });
  if (json) return JSON.stringify(sampleOf(json, prompt));
  let text = prose();
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at >= 0) text = text.slice(0, at);
  }
  return text;
}
