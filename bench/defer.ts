/** Set-up that may fail half way: what was opened is closed again, last opened first. */
export type Defer = (close: () => Promise<void>) => void;

export async function withDefer<T extends object>(
  open: (defer: Defer) => Promise<T>,
): Promise<T & { close(): Promise<void> }> {
  const closers: (() => Promise<void>)[] = [];
  async function close(): Promise<void> {
    for (let closer = closers.pop(); closer; closer = closers.pop()) await closer();
  }
  try {
    const opened = await open((closer) => closers.push(closer));
    return { ...opened, close };
  } catch (error) {
    await close();
    throw error;
  }
}
