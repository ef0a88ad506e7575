import { expect } from 'chai';
import { compileExpression } from './expressions.js';
import { compileTemplate } from './templates.js';

const problemOf = (text: string) => {
  const compiled = compileExpression(text, ['url']);
  return 'problem' in compiled ? compiled.problem : undefined;
};

const valueOf = async (text: string, context: unknown) => {
  const compiled = compileExpression(text, ['input']);
  if ('problem' in compiled) throw new Error(compiled.problem);
  return compiled.expression.valueOf(context);
};

describe('expressions of the catalogue', () => {
  it('find, choose, convert and compute', async () => {
    const answer = {
      a: [
        { t: 'x', v: 1 },
        { t: 'y', v: 2 },
      ],
      n: null,
      s: '3',
    };
    expect(await valueOf('a[0].v', answer)).to.equal(1);
    expect(await valueOf('a[t = "y"].v', answer)).to.equal(2);
    expect(await valueOf('a.v', answer)).to.deep.equal([1, 2]);
    expect(await valueOf('(s ? $number(s) : 0) * 1000', answer)).to.equal(3_000);
    expect(await valueOf('$uppercase(s & "k")', answer)).to.equal('3K');
    expect(await valueOf('missing ?? "default"', answer)).to.equal('default');
  });

  it('have no value where there is none, and where it cannot be worked out', async () => {
    for (const text of ['b.c', 'n', 's * 2', 'constructor', 'a.__proto__.x', '$sum(s)'])
      expect(await valueOf(text, { s: 'x', n: null, a: {} }), text).to.equal(undefined);
  });

  it('see nothing but the answer, whatever its names are', async () => {
    const hostile = JSON.parse('{"__proto__":{"a":1},"constructor":{"b":2}}') as unknown;
    expect(await valueOf('a', hostile)).to.equal(undefined);
    expect(await valueOf('constructor.b', hostile)).to.equal(2);
    expect(await valueOf('x', JSON.parse('['.repeat(5_000) + ']'.repeat(5_000)))).to.equal(
      undefined,
    );
  });

  it('are refused where they could run on', () => {
    const refused = [
      '$map(a, function($x) { $x })',
      '($f := function() { $f() }; $f())',
      'a ~> $url',
      '/(a+)+b/',
      '$match(a, /x/)',
      '$eval(a)',
      '$pad(a, b)',
      '$distinct(a)',
      '[1..1000000]',
      'a.**.b',
      'a^(b)',
      'a{b: c}',
      'a@$x.b',
      'a#$i.b',
      '| a | {} |',
      '$random()',
      '$nowhere',
      '(a; b)',
      'function() { 1 }()',
    ];
    for (const text of refused) expect(problemOf(text), text).to.be.a('string');
    for (const text of ['$url(a)', '(a ? b : c) & "x"', 'a.*.b', '$.a', '-a'])
      expect(problemOf(text), text).to.equal(undefined);
  });

  it('are refused with a place where they cannot be read', () => {
    expect(problemOf('a[')).to.match(/^'a\[' is no expression: .+/);
    expect(problemOf('')).to.match(/is no expression/);
  });
});

describe('templates of the catalogue', () => {
  const filled = async (source: unknown, context: unknown) => {
    const problems: string[] = [];
    const template = compileTemplate(source, 'body', ['url'], problems);
    expect(problems).to.deep.equal([]);
    return template.fill(context, {
      url: (id) => (typeof id === 'string' ? `at ${id}` : undefined),
    });
  };

  it('keep a value’s type, write it within a text, and leave out what has none', async () => {
    const source = {
      a: '{{ n }}',
      b: '{{n}}x{{ m }}',
      c: '{{ n }}x{{ none }}',
      d: ['{{ none }}', '{{ list }}', true, null, 1],
      e: { f: '{{ none }}' },
      g: '{{ $url(id) }}',
      h: '{{ $url(none) }}',
      i: '',
      j: 'braces } and {"k": 1}',
    };
    const context = { n: 1024, m: 768, list: ['x'], id: 'file_1' };
    expect(await filled(source, context)).to.deep.equal({
      a: 1024,
      b: '1024x768',
      d: [['x'], true, null, 1],
      e: {},
      g: 'at file_1',
      i: '',
      j: 'braces } and {"k": 1}',
    });
  });

  it('are not filled twice: what a caller writes is never read as a template', async () => {
    expect(await filled('{{ a }}', { a: '{{ b }}', b: 'secret' })).to.equal('{{ b }}');
    expect(await filled('say {{ a }}', { a: '{{ b }}', b: 'secret' })).to.equal('say {{ b }}');
  });

  it('name the place that is wrong', () => {
    const problems: string[] = [];
    compileTemplate({ a: ['{{ b[ }}', { c: '{{ d' }] }, 'body', [], problems);
    expect(problems).to.have.length(2);
    expect(problems[0]).to.match(/^body\.a\[0\]: 'b\[' is no expression/);
    expect(problems[1]).to.equal("body.a[1].c: '{{' has no '}}' after it");
  });
});
