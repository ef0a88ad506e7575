/** placeholder */
import type { System } from '../../testing/system.js';
export async function hostileClients(_system: System): Promise<readonly string[]> {
  return [];
}
