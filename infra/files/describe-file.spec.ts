import { expect } from 'chai';
import { describeFile } from './describe-file.js';
import { bytesInMemory } from './testing/media.js';

async function described(text: string): Promise<string> {
  const { format } = await describeFile(bytesInMemory(Buffer.from(text)));
  return format;
}

describe('what a text is', () => {
  const doctype = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd" [<!ENTITY a "b">]>';
  const texts: Record<string, string> = {
    '<svg xmlns="http://www.w3.org/2000/svg"/>': 'svg',
    [`<?xml version="1.0"?>\n<!-- drawn > by hand -->\n${doctype}\n<svg/>`]: 'svg',
    '<!doctype svg><svg/>': 'svg',
    '<!doctype html><p>hello': 'html',
    '<!-- a comment alone -->': 'html',
    '<?xml version="1.0"?><feed/>': 'xml',
    '{"a": [1]}': 'json',
    '{"a": [1}': 'txt',
    hello: 'txt',
  };
  for (const [text, format] of Object.entries(texts))
    it(`is ${format}: ${text.slice(0, 30)}`, async () => {
      expect(await described(text)).to.equal(format);
    });

  it('is told in UTF-16 with its mark, which is no sound', async () => {
    for (const [text, format] of [
      ['name;price', 'txt'],
      ['<html><script>', 'html'],
    ] as const) {
      const little = Buffer.from(`\ufeff${text}`, 'utf16le');
      const big = Buffer.from(little).swap16();
      for (const bytes of [little, big])
        expect((await describeFile(bytesInMemory(bytes))).format).to.equal(format);
    }
  });

  it('is found in linear time, whatever begins and never ends', async () => {
    const fill = 60_000;
    const begun: [string, string][] = [
      [`<!doctype svg${'a'.repeat(fill)}`, 'txt'],
      [`<!doctype svg${'['.repeat(fill)}`, 'txt'],
      [`<!doctype svg${'[]'.repeat(fill / 2)}`, 'txt'],
      [`<?${'?'.repeat(fill)}`, 'txt'],
      [`<!--${'-- '.repeat(fill / 3)}`, 'html'],
      ['<!---->'.repeat(fill / 7), 'html'],
    ];
    for (const [text, format] of begun) expect(await described(text), text).to.equal(format);
  }).timeout(5_000);
});
