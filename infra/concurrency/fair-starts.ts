/**
 * Which work starts next, where the work of many organizations goes to many hosts, some of which
 * answer slowly or never. Only what was started and has not ended holds a permit.
 *
 *   organization   starts while it holds fewer permits than are free
 *   its host       starts while it holds fewer than its organization may still take, and fewer than
 *                  are free at the host, over all organizations
 *   its endpoint   starts while it holds fewer than its host may still take, and `perEndpointMax`;
 *                  an endpoint that hangs keeps two
 *
 * So a lone organization gets half of all permits, two get a third each, and one that comes later
 * always finds some: a dynamic threshold, as switches share their buffers. Organizations take
 * turns, then the hosts of one, then the endpoints of a host; an endpoint's work starts in order.
 * Places to wait in are shared by the same rule.
 */
export interface Destination {
  readonly organizationId: string;
  readonly host: string;
  /** What may hang while its host does not; of one organization and host. */
  readonly endpoint: string;
}

export type Ending = 'answered' | 'hung' | 'unknown';

export interface FairStarts<W extends Destination> {
  /** False when there is no place for it to wait in. */
  add(work: W): boolean;
  /** The next one that may start; it holds its permits until it has ended. */
  next(): W | undefined;
  /** `unknown`: it says nothing about its endpoint. */
  ended(work: W, how: Ending): void;
  /** Whether the endpoint's work hung lately, and none was answered since. */
  hangs(work: Destination): boolean;
  backlog(readyMax: number): Backlog<W>;
  /** Forgets all that waits. */
  clear(): void;
  readonly waiting: number;
  readonly busy: number;
}

/** What of the waiting work need not be added to. */
export interface Backlog<W> {
  /** Organizations with as much ready work as asked for, or without a place. */
  readonly organizations: readonly string[];
  /** Endpoints whose waiting work may not start before some of theirs has ended. */
  readonly endpoints: readonly string[];
  /** The ready work of the other organizations. */
  readonly ready: readonly W[];
}

export interface FairStartsLimits {
  /** Over all organizations. */
  readonly permits: number;
  readonly perHostMax: number;
  readonly perEndpointMax: number;
  readonly placesMax: number;
  readonly placesPerEndpointMax: number;
}

interface Organization<W> {
  readonly id: string;
  busy: number;
  waiting: number;
  readonly hosts: Map<string, Host<W>>;
  readonly ready: Set<Host<W>>;
}

interface Host<W> {
  readonly name: string;
  busy: number;
  readonly endpoints: Map<string, Endpoint<W>>;
  readonly ready: Set<Endpoint<W>>;
}

interface Endpoint<W> {
  readonly name: string;
  busy: number;
  limit: number;
  /** What is before `head` was taken. */
  work: W[];
  head: number;
}

interface State<W> {
  readonly limits: FairStartsLimits;
  readonly organizations: Map<string, Organization<W>>;
  readonly ready: Set<Organization<W>>;
  /** Permits held at each host, over all organizations. */
  readonly busyAt: Map<string, number>;
  /** Limits of endpoints that hang, and have no work now. */
  readonly hanging: Map<string, number>;
  waiting: number;
  busy: number;
}

interface Way<W> {
  readonly organization: Organization<W>;
  readonly host: Host<W>;
  readonly endpoint: Endpoint<W>;
}

/** A second one shows that the endpoint answers again while the first still hangs. */
const HANGING_LIMIT = 2;
/** About half a megabyte. */
const HANGING_MAX = 4_096;
/** Taken work that an array may hold before it is made anew. */
const TAKEN_MAX = 64;

export function openFairStarts<W extends Destination>(limits: FairStartsLimits): FairStarts<W> {
  const state: State<W> = {
    limits,
    organizations: new Map(),
    ready: new Set(),
    busyAt: new Map(),
    hanging: new Map(),
    waiting: 0,
    busy: 0,
  };
  return {
    add: (work) => add(state, work),
    next: () => next(state),
    ended: (work, how) => ended(state, work, how),
    hangs: (work) => limitOf(state, work) <= HANGING_LIMIT,
    backlog: (readyMax) => backlogOf(state, readyMax),
    clear() {
      for (const organization of state.organizations.values()) {
        organization.waiting = 0;
        for (const host of organization.hosts.values())
          for (const endpoint of host.endpoints.values()) {
            [endpoint.work, endpoint.head] = [[], 0];
            settle(state, { organization, host, endpoint });
          }
      }
      state.waiting = 0;
    },
    get waiting() {
      return state.waiting;
    },
    get busy() {
      return state.busy;
    },
  };
}

function add<W extends Destination>(state: State<W>, work: W): boolean {
  const { placesMax, placesPerEndpointMax } = state.limits;
  const known = state.organizations.get(work.organizationId);
  if ((known?.waiting ?? 0) >= placesMax - state.waiting) return false;
  const way = wayTo(state, work);
  if (waitingAt(way.endpoint) >= placesPerEndpointMax) return false;
  way.endpoint.work.push(work);
  way.organization.waiting += 1;
  state.waiting += 1;
  settle(state, way);
  return true;
}

function next<W extends Destination>(state: State<W>): W | undefined {
  const free = state.limits.permits - state.busy;
  if (free <= 0) return undefined;
  for (const organization of state.ready)
    for (const host of organization.ready) {
      const open = Math.min(
        free - organization.busy,
        state.limits.perHostMax - (state.busyAt.get(host.name) ?? 0),
      );
      if (host.busy >= open) continue;
      for (const endpoint of host.ready)
        if (endpoint.busy < open - host.busy) return take(state, { organization, host, endpoint });
    }
  return undefined;
}

function take<W extends Destination>(state: State<W>, way: Way<W>): W | undefined {
  const { organization, host, endpoint } = way;
  const work = endpoint.work[endpoint.head];
  endpoint.head += 1;
  if (endpoint.head > TAKEN_MAX) {
    endpoint.work = endpoint.work.slice(endpoint.head);
    endpoint.head = 0;
  }
  organization.waiting -= 1;
  state.waiting -= 1;
  hold(state, way, 1);
  // Whose turn it was is the last of its round now.
  host.ready.delete(endpoint);
  organization.ready.delete(host);
  state.ready.delete(organization);
  settle(state, way);
  return work;
}

function ended<W extends Destination>(state: State<W>, work: W, how: Ending): void {
  const way = wayTo(state, work);
  const { endpoint } = way;
  hold(state, way, -1);
  if (how === 'hung') endpoint.limit = Math.max(HANGING_LIMIT, Math.floor(endpoint.limit / 2));
  if (how === 'answered')
    endpoint.limit = Math.min(state.limits.perEndpointMax, endpoint.limit * 2);
  settle(state, way);
}

function hold<W>(state: State<W>, { organization, host, endpoint }: Way<W>, permits: 1 | -1): void {
  state.busy += permits;
  organization.busy += permits;
  host.busy += permits;
  endpoint.busy += permits;
  const busy = (state.busyAt.get(host.name) ?? 0) + permits;
  if (busy > 0) state.busyAt.set(host.name, busy);
  else state.busyAt.delete(host.name);
}

function wayTo<W>(state: State<W>, work: Destination): Way<W> {
  const { organizationId: id, host: name, endpoint: path } = work;
  const organization = state.organizations.get(id) ?? {
    id,
    busy: 0,
    waiting: 0,
    hosts: new Map<string, Host<W>>(),
    ready: new Set<Host<W>>(),
  };
  state.organizations.set(id, organization);
  const host = organization.hosts.get(name) ?? {
    name,
    busy: 0,
    endpoints: new Map<string, Endpoint<W>>(),
    ready: new Set<Endpoint<W>>(),
  };
  organization.hosts.set(name, host);
  const endpoint = host.endpoints.get(path) ?? {
    name: path,
    busy: 0,
    limit: limitOf(state, work),
    work: [],
    head: 0,
  };
  host.endpoints.set(path, endpoint);
  return { organization, host, endpoint };
}

function limitOf<W>({ organizations, hanging, limits }: State<W>, work: Destination): number {
  const { organizationId, host, endpoint } = work;
  const known = organizations.get(organizationId)?.hosts.get(host)?.endpoints.get(endpoint);
  return known?.limit ?? hanging.get(endpoint) ?? limits.perEndpointMax;
}

const waitingAt = <W>({ work, head }: Endpoint<W>): number => work.length - head;

/** Puts all three where they belong after a change: among those that are ready, or nowhere. */
function settle<W>(state: State<W>, { organization, host, endpoint }: Way<W>): void {
  const isReady = waitingAt(endpoint) > 0 && endpoint.busy < endpoint.limit;
  keep(host.ready, endpoint, isReady);
  keep(organization.ready, host, host.ready.size > 0);
  keep(state.ready, organization, organization.ready.size > 0);
  if (endpoint.busy > 0 || waitingAt(endpoint) > 0) return;
  remember(state, endpoint);
  host.endpoints.delete(endpoint.name);
  if (host.endpoints.size > 0) return;
  organization.hosts.delete(host.name);
  if (organization.hosts.size === 0) state.organizations.delete(organization.id);
}

function keep<T>(set: Set<T>, one: T, belongs: boolean): void {
  if (belongs) set.add(one);
  else set.delete(one);
}

function remember<W>({ hanging, limits }: State<W>, { name, limit }: Endpoint<W>): void {
  hanging.delete(name);
  if (limit >= limits.perEndpointMax) return;
  hanging.set(name, limit);
  const [oldest] = hanging.keys();
  if (hanging.size > HANGING_MAX && oldest !== undefined) hanging.delete(oldest);
}

function backlogOf<W>(state: State<W>, readyMax: number): Backlog<W> {
  const { placesMax, placesPerEndpointMax } = state.limits;
  const organizations: string[] = [];
  const endpoints: string[] = [];
  const ready: W[] = [];
  for (const organization of state.organizations.values()) {
    const own: W[] = [];
    for (const host of organization.hosts.values())
      for (const endpoint of host.endpoints.values()) {
        const waiting = waitingAt(endpoint);
        if (waiting >= placesPerEndpointMax || (waiting > 0 && endpoint.busy >= endpoint.limit))
          endpoints.push(endpoint.name);
        else own.push(...endpoint.work.slice(endpoint.head));
      }
    const isFull = own.length >= readyMax || organization.waiting >= placesMax - state.waiting;
    if (isFull) organizations.push(organization.id);
    else ready.push(...own);
  }
  return { organizations, endpoints, ready };
}
