// What one attempt authenticates with.

export type Credential =
  | { kind: "api-key"; key: string }
  /** `project`: the Google Cloud project of a Code Assist login. */
  | { kind: "bearer"; token: string; project?: string }
  /** The client's own credential headers: pass-through. */
  | { kind: "client" };
