import { expect } from 'chai';
import { isFollowed } from './model-tried.js';

describe('the models of an execution', () => {
  const request = { model: 'a', fallbackModels: ['b', 'c'] };
  const there = (...slugs: readonly string[]) => new Map(slugs.map((slug) => [slug, undefined]));

  it('one is followed while another comes after it', () => {
    const all = there('a', 'b', 'c');
    expect(isFollowed({ model: 'a' }, {}, all)).to.equal(false);
    expect(isFollowed(request, {}, all)).to.equal(true);
    expect(isFollowed(request, { model: 'b' }, all)).to.equal(true);
    expect(isFollowed(request, { model: 'c' }, all)).to.equal(false);
  });

  it('a model that is gone follows none', () => {
    expect(isFollowed(request, {}, there('a', 'c'))).to.equal(true);
    expect(isFollowed(request, { model: 'b' }, there('a', 'b'))).to.equal(false);
    expect(isFollowed(request, {}, there('a'))).to.equal(false);
  });
});
