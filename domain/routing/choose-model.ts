/**
 * Which of an execution's models is next: the first of which a route is still to be tried. A model
 * is passed over when each of its routes has failed in this execution, rests or is ruled out. While
 * one is only full, it is waited for; and where an attempt may have been paid for, what may follow
 * it comes first. Of the last model, routes are tried again.
 */
import type { Model } from '../../contracts/catalogue/catalogue.js';
import { doubtsOf } from '../execution/doubt.js';
import { chooseRoute, type RouteChoice, type RoutingFacts } from './choose-route.js';

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
  let waiting: ModelChoice | undefined;
  for (const [index, one] of models.entries()) {
    const next = { model: one.model, choice: chooseRoute({ ...facts, ...one }) };
    const isLast = index === models.length - 1;
    if (next.choice.chosen ? isLast || !isExhausted(next, facts) : isOnlyFull(next, facts))
      return next;
    if (next.choice.waitsFor.length > 0) waiting ??= next;
    if (isLast) return waiting ?? next;
  }
  return undefined;
}

/** The chosen route was tried before, so all that may be taken were. */
const isExhausted = ({ choice }: ModelChoice, { tried }: Pick<RoutingFacts, 'tried'>): boolean =>
  doubtsOf(tried).length === 0 && tried.some(({ route }) => route === choice.chosen?.name);

/** What was not tried yet is full. */
const isOnlyFull = ({ choice }: ModelChoice, { tried }: Pick<RoutingFacts, 'tried'>): boolean =>
  choice.candidates.some(
    ({ route, skipped }) =>
      skipped !== undefined && FULL.has(skipped) && tried.every((one) => one.route !== route),
  );

/** Why a route is skipped that takes others now and will take more soon. */
const FULL: ReadonlySet<string> = new Set(['bulkhead_full', 'limit']);

export const isFull = ({ candidates }: RouteChoice): boolean =>
  candidates.some(({ skipped }) => skipped !== undefined && FULL.has(skipped));
