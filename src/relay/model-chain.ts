// Sends a request under the models' names that [models] puts in place of the client's, one
// after another.

import type { Config } from "../config/config.ts";
import type { Conversion, Dialect } from "../dialects/dialect.ts";
import type { Call, Operation } from "../domain/call.ts";
import { RelayError, type RelayErrorCode } from "../domain/errors.ts";
import type { FailureKind } from "../domain/failure.ts";
import { matchesModel } from "../domain/model-scope.ts";
import type { Served } from "./failover-state.ts";
import { withModel } from "./replace-model.ts";

/** What was sent in the end, and what came back. */
export interface Sent {
  call: Call;
  conversion: Conversion | undefined;
  served: Served;
}

/** Operations that run a model, or count for one. Embeddings are left out: the vectors of two models do not fit each other. */
const named: ReadonlySet<Operation> = new Set(["generate", "count-tokens", "compact"]);

/** Never empty: the call as it came where no pattern of `[models]` fits its model. */
export function callsFor(
  call: Call,
  dialect: Pick<Dialect, "direct">,
  { models, accounts }: Pick<Config, "models" | "accounts">,
): Call[] {
  const targets = targetsOf(call, { models });
  if (targets === undefined) return [call];
  // Where the model is in the body is looked for once, however long the chain is.
  let { asked } = call;
  return targets.map((model) => {
    const replaced = withModel({ ...call, asked }, model);
    asked = replaced.asked;
    const direction = dialect.direct?.({ model }, accounts);
    if (direction === undefined) return replaced;
    const { family, path, converts } = direction;
    return { ...replaced, family, path, excludesLogins: converts };
  });
}

/** Whether the call is sent under another name before any: that takes a change of its bytes. */
export function isRenamed(call: Pick<Call, "model" | "operation">, config: Pick<Config, "models">): boolean {
  const first = targetsOf(call, config)?.[0];
  return first !== undefined && first !== call.model;
}

function targetsOf(
  { model, operation }: Pick<Call, "model" | "operation">,
  { models }: Pick<Config, "models">,
): readonly string[] | undefined {
  if (model === undefined || !named.has(operation)) return undefined;
  return models.find(({ pattern }) => matchesModel([pattern], model))?.targets;
}

/** Sends them in order; the next one only when every account is out for the one before. */
export async function sendInOrder(
  calls: readonly Call[],
  send: (call: Call) => Promise<Sent>,
): Promise<Sent> {
  if (calls.length === 1) return await send(calls[0]!);
  let earliest: RelayError | undefined;
  for (const [index, call] of calls.entries()) {
    const isLast = index === calls.length - 1;
    try {
      const sent = await send(call);
      const { failure, answer } = sent.served;
      if (isLast || failure === undefined || !out.has(failure.kind)) return sent;
      answer.discard();
    } catch (error) {
      if (!(error instanceof RelayError) || !outCodes.has(error.code)) throw error;
      earliest = sooner(earliest, error);
    }
  }
  throw earliest ?? new RelayError("internal", "cc-relay has no name under which to send this request.");
}

/** Answers that are passed on only because no account has a better one. */
const out: ReadonlySet<FailureKind> = new Set(["capacity", "model-missing"]);

const outCodes: ReadonlySet<RelayErrorCode> = new Set([
  "all_limited",
  "over_capacity",
  "needs_login",
  "no_account",
  "unknown_model",
]);

/** The earliest return decides which error the client gets. */
function sooner(earliest: RelayError | undefined, error: RelayError): RelayError {
  if (earliest === undefined) return error;
  return (error.retryAfterSeconds ?? Infinity) < (earliest.retryAfterSeconds ?? Infinity) ? error : earliest;
}
