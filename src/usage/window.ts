// A usage window of an account, as its provider reported it last.

export interface Window {
  /** `5h`, `7d`, else what the provider calls it (`7d_oi`, `overage`, `requests`, `input-tokens`). */
  name: string;
  /** A fraction, can exceed 1; undefined when not given. */
  utilization: number | undefined;
  /** Epoch ms; undefined when not given. */
  resetsAt: number | undefined;
  /** The provider's value (`allowed`, `allowed_warning`, `rejected`; `in-use` for overage); undefined when not given. */
  status: string | undefined;
}
