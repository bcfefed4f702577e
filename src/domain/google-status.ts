// The names that Google's APIs give to statuses, google.rpc.Code, and the HTTP statuses that stand for them on the wire.

export type GoogleStatus =
  | "INVALID_ARGUMENT"
  | "FAILED_PRECONDITION"
  | "OUT_OF_RANGE"
  | "UNAUTHENTICATED"
  | "PERMISSION_DENIED"
  | "NOT_FOUND"
  | "RESOURCE_EXHAUSTED"
  | "CANCELLED"
  | "INTERNAL"
  | "UNIMPLEMENTED"
  | "UNAVAILABLE"
  | "DEADLINE_EXCEEDED";

const httpStatuses: Readonly<Record<GoogleStatus, number>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  INTERNAL: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

/** Statuses that Google's APIs do not send, and the name that is nearest to each. */
const others: Readonly<Record<number, GoogleStatus>> = {
  405: "UNIMPLEMENTED",
  408: "DEADLINE_EXCEEDED",
  413: "INVALID_ARGUMENT",
  415: "INVALID_ARGUMENT",
  426: "FAILED_PRECONDITION",
  502: "UNAVAILABLE",
};

const names: ReadonlyMap<number, GoogleStatus> = new Map(
  // Of several with one status the first.
  (Object.entries(httpStatuses) as [GoogleStatus, number][])
    .reverse()
    .map(([name, status]) => [status, name]),
);

/** Undefined for a status that no name fits. */
export function googleStatusOf(httpStatus: number): GoogleStatus | undefined {
  return names.get(httpStatus) ?? others[httpStatus];
}

/** Undefined for what is no such name. */
export function httpStatusOf(name: string): number | undefined {
  return Object.hasOwn(httpStatuses, name) ? httpStatuses[name as GoogleStatus] : undefined;
}
