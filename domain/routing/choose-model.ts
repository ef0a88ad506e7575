/**
 * Which of an execution's models is next: the first of which a route is still to be tried. A model
 * is passed over when each of its routes has failed in this execution, rests or is ruled out. While
 * one is only full, it is waited for; and where an attempt may have been paid for, it is asked
 * again under its key before another model is. Of the last model, routes are tried again, and of
 * one before it where a doubtful attempt rules the others out.
 */
import type { Model } from '../../contracts/catalogue/catalogue.js';
import { doubtsOf } from '../execution/doubt.js';
import { chooseRoute, isPatient, type RouteChoice, type RoutingFacts } from './choose-route.js';

export type ModelInput = Pick<RoutingFacts, 'model' | 'input'>;

interface ModelChoice {
  readonly model: Model;
  readonly choice: RouteChoice;
}

/** Undefined where there is no model at all. */
export function chooseModel(
  models: readonly ModelInput[],
  facts: Omit<RoutingFacts, 'model' | 'input'>,
): ModelChoice | undefined {
  const isDoubtful = doubtsOf(facts.tried).length > 0;
  let instead: ModelChoice | undefined;
  for (const [index, one] of models.entries()) {
    const next = { model: one.model, choice: chooseRoute({ ...facts, ...one }) };
    const isLast = index === models.length - 1;
    if (next.choice.chosen ? isLast || !isExhausted(next, facts) : isOnlyFull(next, facts))
      return next;
    if (next.choice.waitsFor.length > 0 || (next.choice.chosen && isDoubtful)) instead ??= next;
    if (isLast) return instead ?? next;
  }
  return undefined;
}

type Tried = Pick<RoutingFacts, 'tried'>;

/** The chosen route was tried before, so all that may be taken were. */
const isExhausted = ({ choice }: ModelChoice, { tried }: Tried): boolean =>
  choice.chosen !== undefined && !isDue(choice.chosen.name, tried);

/** It was not tried yet, or its answer is open, and it is to be asked under its key. */
function isDue(name: string, tried: RoutingFacts['tried']): boolean {
  const own = tried.filter(({ route }) => route === name);
  if (own.length === 0) return true;
  return own.some(({ ended }) => ended === 'unknown') && isPatient(own);
}

/** What is due is full. */
const isOnlyFull = ({ choice }: ModelChoice, { tried }: Tried): boolean =>
  choice.candidates.some(
    ({ route, skipped }) => skipped !== undefined && FULL.has(skipped) && isDue(route, tried),
  );

/** Why a route is skipped that takes others now and will take more soon. */
const FULL: ReadonlySet<string> = new Set(['bulkhead_full', 'limit']);

export const isFull = ({ candidates }: RouteChoice): boolean =>
  candidates.some(({ skipped }) => skipped !== undefined && FULL.has(skipped));
