/** What a model can do: for each capability, the most that any of its routes does. */
import type { Capabilities } from '../../contracts/catalogue/capabilities.js';
import type { Route } from '../../contracts/catalogue/catalogue.js';

/** What one route leaves open is open for the model: as its input schema allows. */
export function capabilitiesOfModel(routes: readonly Pick<Route, 'capabilities'>[]): Capabilities {
  const [first = {}, ...others] = routes.map(({ capabilities = {} }) => capabilities);
  return others.reduce(mostOf, first);
}

function mostOf(one: Capabilities, other: Capabilities): Capabilities {
  const names = Object.keys(one) as (keyof Capabilities)[];
  const merged = names.flatMap((name) => {
    const [mine, others] = [one[name], other[name]];
    const most = others === undefined ? undefined : more(name, mine, others);
    return most === undefined ? [] : [[name, most] as const];
  });
  return Object.fromEntries(merged);
}

type Declared = NonNullable<Capabilities[keyof Capabilities]>;

function more(
  name: keyof Capabilities,
  mine: Declared | undefined,
  others: Declared,
): Declared | undefined {
  if (typeof mine === 'boolean') return mine || others === true;
  if (typeof mine === 'number') return Math.max(mine, Number(others));
  const [here, there] = [mine, others] as [readonly string[], readonly string[]];
  if (name !== 'without') return [...new Set([...here, ...there])];
  const lacking = here.filter((field) => there.includes(field));
  return lacking.length > 0 ? lacking : undefined;
}
