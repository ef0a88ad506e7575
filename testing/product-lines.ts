/** Lines of the product: `.ts` and `.sql`, without specs and what serves them. */
import { pathsBelow, textOf } from './repository-files.js';

interface ProductLines {
  /** By top folder, the largest first. */
  readonly rooms: readonly (readonly [room: string, lines: number])[];
  readonly total: number;
  /** Of infra in the total, from 0 to 1. */
  readonly infraShare: number;
}

const BESIDE = ['testing', 'test', 'bench', 'scripts'];

export function linesByRoom(): ProductLines {
  const lines = new Map<string, number>();
  for (const path of pathsBelow().filter(isProduct)) {
    const [room = ''] = path.split('/');
    lines.set(room, (lines.get(room) ?? 0) + textOf(path).split('\n').length - 1);
  }
  const rooms = [...lines].sort(([, a], [, b]) => b - a);
  const total = rooms.reduce((sum, [, count]) => sum + count, 0);
  return { rooms, total, infraShare: (lines.get('infra') ?? 0) / total };
}

const isProduct = (path: string): boolean =>
  path.includes('/') &&
  /\.(ts|sql)$/.test(path) &&
  !path.endsWith('.spec.ts') &&
  !path.split('/').some((folder) => BESIDE.includes(folder));
