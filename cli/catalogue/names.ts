/** `--only`: words, one of which a name has; every name where none are given. */
export function isNamed(name: string, only: string | undefined): boolean {
  if (only === undefined) return true;
  const words = only
    .split(',')
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== '');
  return words.some((word) => name.toLowerCase().includes(word));
}
