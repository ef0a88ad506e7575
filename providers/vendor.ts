/**
 * A vendor is a folder: the adapters that speak its wire formats, under the names by which a
 * catalogue calls them. registry.ts lists the vendors.
 */
import type { Capabilities } from '../contracts/catalogue/capabilities.js';
import type { ModelEntry, RouteEntry } from '../contracts/catalogue/model-entry.js';
import type { ProviderEntry } from '../contracts/catalogue/provider-entry.js';
import type { Modality } from '../contracts/events/execution.js';
import type { CredentialOf } from './credentials.js';
import type { Endpoints } from './endpoints.js';
import type { ProviderAdapter } from './port.js';

/** What every adapter calls through. */
export interface Wire {
  readonly endpoints: Endpoints;
  /** A credential by the name of its environment variable. */
  readonly credential: (envName: string) => string | undefined;
  /** The credential of a provider, wherever its catalogue entry says that it is. */
  readonly credentialOf: CredentialOf;
}

export interface AdapterKind {
  /** What its routes may be of. */
  readonly modalities: readonly Modality[];
  /** The same for one provider, where its entry says. */
  readonly speaks?: (entry: ProviderEntry) => readonly Modality[] | undefined;
  /**
   * The fields of an input that its format has a place for, besides those that a route passes on;
   * absent where it sends whatever it is given.
   */
  readonly sends?: readonly string[];
  /** What its format allows, where a route declares nothing narrower. */
  readonly capabilities?: Capabilities;
  /** It calls inputs as the `input_map` of a route says. */
  readonly mapsInput?: boolean;
  /** A sentence for each thing that is wrong with an entry; each begins with its place. */
  readonly check?: (entry: ProviderEntry, place: string) => string[];
  /** A sentence for each thing by which a route of a model could not be run as it is asked. */
  readonly checkRoute?: (entry: ProviderEntry, model: ModelEntry, route: RouteEntry) => string[];
  open(wire: Wire): ProviderAdapter;
}

export type Vendor = Readonly<Record<string, AdapterKind>>;
