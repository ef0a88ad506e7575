import type { Binaries } from './binaries.js';
import type { Pointer } from './pointer.js';
import type { RunAs } from './process.js';

/**
 * Where the cluster of a data folder is, and which user runs it.
 *
 * An ordinary user keeps everything in the data folder. PostgreSQL refuses root, and the user it
 * runs as instead may be unable to enter the data folder or the clone (a 0700 home of root); so for
 * root the programs and the cluster are in a folder of their own:
 *
 *   <base>/pg-<version>/          a copy of the programs, shared by all data folders
 *   <base>/<hash of data dir>/    the home of one cluster: postgres/ (0700, the server's user),
 *                                 postgres.conf, postgres.log and owner.json (root's)
 */
export interface ClusterLocation {
  /** The real path of the data folder. */
  readonly dataDir: string;
  /** Holds the cluster, its settings and its log. */
  readonly home: string;
  readonly cluster: string;
  readonly binaries: Binaries;
  /** Of the programs, such as `18.4`. */
  readonly version: string;
  readonly runAs: RunAs;
  readonly pointer: Pointer;
}
