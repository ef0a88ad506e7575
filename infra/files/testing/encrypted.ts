/** Files that are encrypted under keys in memory. */
import { openMemoryDataKeys } from '../../data-keys/testing/memory.js';
import { openFileStore } from '../file-store.js';
import type { FileObjects } from '../objects.js';
import type { FileStore } from '../port.js';
import { openMemoryFiles } from './memory.js';

export const encryptedFiles = (
  objects: FileObjects = openMemoryFiles(),
  keys = openMemoryDataKeys(),
): FileStore => openFileStore({ objects, keys, form: 'encrypted' });
