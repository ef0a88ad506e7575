import { expect } from 'chai';
import { structuredAnswer } from './structured-answer.js';

const anyJson = { type: 'json' } as const;

describe('a structured answer', () => {
  it('is what stands between fences, and what stands without', () => {
    const texts = ['{"a":1}', ' {"a":1}\n', '```json\n{"a":1}\n```', '\n```\n\n{"a":1}```\n'];
    for (const text of [...texts, '``` JSON \n{"a":1}\n  ```'])
      expect(structuredAnswer(text, anyJson), text).to.deep.equal({ json: { a: 1 } });
  });

  it('is none where the fences hold something else', () => {
    for (const text of ['```', '``````', '```\n```', '```yaml\n{"a":1}\n```', '```{"a":1}```'])
      expect(structuredAnswer(text, anyJson), text).to.deep.equal({
        problem: 'the answer is no JSON',
      });
  });

  it('is looked for in linear time', () => {
    for (const blanks of [' ', '\n', '\n ', '```\n'].map((one) => one.repeat(300_000)))
      expect(structuredAnswer(`\`\`\`json\n{${blanks}`, anyJson)).to.have.property('problem');
  }).timeout(5_000);
});
