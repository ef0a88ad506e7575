/**
 * The connection string of the event store: whom to ask who leads, and with which options.
 *
 *   esdb://[user:password@]host[:port][,host[:port]…][/][?option=value&…]
 *   esdb+discover://…    the host is asked where the nodes are, also when it is the only one
 */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** Its certificate's name, where the address is one of several that the name leads to. */
  readonly name?: string;
}

export interface ConnectionString {
  /** Those that are asked who leads; the only one, when it is not a cluster. */
  readonly hosts: readonly [Endpoint, ...Endpoint[]];
  readonly isCluster: boolean;
  /** As in the string, with what follows it. */
  readonly credentials: string;
  readonly options: readonly (readonly [name: string, value: string])[];
}

/** What the server was renamed to since; the protocol is the same. */
const SCHEME = /^(?:esdb|kurrentdb|kurrent|eventstore)(\+discover)?:\/\/(.*)$/s;
const REST = /^([^:@/?]+:[^@]+@)?([^/?]+)\/*(?:\?(.*))?$/s;
/** An address of IPv6 is in brackets. */
const HOST = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(.*))?$/s;
const PORT = 2113;

/** Throws, saying what is wrong with it, and not what is in it. */
export function parseConnectionString(url: string): ConnectionString {
  const [, discover, afterScheme = ''] = SCHEME.exec(url.trim()) ?? [];
  const [, credentials = '', hosts = '', query = ''] = REST.exec(afterScheme) ?? [];
  const [first, ...others] = hosts.split(',').filter(Boolean).map(endpointIn);
  if (!first) throw new Error('expected esdb://host:port or esdb+discover://host:port');
  const options = query
    .split('&')
    .filter(Boolean)
    .map((pair) => pair.split('=', 2))
    .map(([name = '', value = '']) => [name, value] as const);
  const isCluster = discover !== undefined || others.length > 0;
  return { hosts: [first, ...others], isCluster, credentials, options };
}

function endpointIn(text: string): Endpoint {
  const [, six, name = '', port = String(PORT)] = HOST.exec(text) ?? [];
  const address = six ?? name;
  if (address === '' || !/^\d+$/.test(port))
    throw new Error(`${text}: expected a number as its port`);
  return { address, port: Number(port) };
}

/** As in a URL. */
export const nameOf = ({ address, port }: Endpoint): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;

/** Those that have an effect, by their names in lower case without `_` and `-`. */
export const optionsIn = ({ options }: ConnectionString): ReadonlyMap<string, string> =>
  new Map(
    options
      .filter(([name]) => KNOWN.has(flat(name)))
      .map(([name, value]) => [flat(name), decodeURIComponent(value.trim())]),
  );

/** Options of other clients that are not for the caller to decide here. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  tlsverifycert: 'certificates are always verified; name their authority with tlsCAFile',
  nodepreference: 'only the leader is asked',
  maxdiscoverattempts: 'the leader is looked for as long as somebody waits',
  discoveryinterval: 'the leader is looked for five times a second',
  gossiptimeout: 'a node that is silent for a moment is passed over',
  defaultdeadline: 'nobody waits longer than two seconds',
  throwonappendfailure: 'a conflict is an answer',
};

const flat = (name: string): string => name.trim().toLowerCase().replace(/[_-]/g, '');
const isWithoutEffect = (name: string): boolean => !KNOWN.has(flat(name));

const KNOWN = new Set([
  ...['tls', 'tlscafile', 'usercertfile', 'userkeyfile'],
  ...['connectionname', 'keepaliveinterval', 'keepalivetimeout'],
]);

/** One sentence for each option that is in the string and changes nothing. */
export function optionsWithoutEffect({ options }: ConnectionString): readonly string[] {
  return options
    .filter(([name, value]) => isWithoutEffect(name) && !isAsItIs(name, value))
    .map(([name, value]) => {
      const why = WITHOUT_EFFECT[flat(name)] ?? 'it is not known';
      return `${name}=${value} of EVENTSTORE_URL has no effect: ${why}`;
    });
}

/** It asks for what is done anyway. */
const isAsItIs = (name: string, value: string): boolean =>
  (flat(name) === 'tlsverifycert' && value === 'true') ||
  (flat(name) === 'nodepreference' && flat(value) === 'leader');
