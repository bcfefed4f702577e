// One deliberate fault in the source, and the tests that have to notice it.

export interface Mutation {
  /** Below src/. */
  file: string;
  /** Occurs exactly once in the file. */
  from: string;
  to: string;
  /** Below test/, with spaces between them. */
  tests: string;
  /** Only tests whose title has this; all of the files when absent. */
  only?: string;
}

export function describeMutation({ file, from, to }: Mutation): string {
  return `${file}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`;
}
