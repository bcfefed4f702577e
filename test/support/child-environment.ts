// The environment of a program that a test starts: nothing of the test's own, but for what any process needs and what starts it faster.

/** `home` is a folder of the test's. */
export function childEnvironment(home: string, more: Record<string, string> = {}): Record<string, string> {
  const { PATH = "", NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME: home, ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }), ...more };
}
