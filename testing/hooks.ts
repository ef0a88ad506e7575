import type { RootHookObject } from 'mocha';
import { runEndings } from './at-end.js';

/** Loaded before every spec (.mocharc.json). */
export const mochaHooks: RootHookObject = {
  afterAll: runEndings,
};
