// What one attempt authenticates with.

export type Credential =
  | { kind: "api-key"; key: string }
  | { kind: "bearer"; token: string /** Google Cloud project of a Code Assist login. */; project?: string }
  /** The client's own credential headers: pass-through. */
  | { kind: "client" };
