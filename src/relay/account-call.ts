// A call as it goes to one account: under the name that the account has for the model.

import type { AccountConfig } from "../config/config.ts";
import type { Call } from "../domain/call.ts";
import { matchesModel } from "../domain/model-scope.ts";
import { withModel } from "./replace-model.ts";

/** The call itself where the account has no names of its own; whether it serves the model at all is asked before. */
export function callFor({ modelMap }: Pick<AccountConfig, "modelMap">, call: Call): Call {
  const mapped = modelMap?.find(({ pattern }) => matchesModel([pattern], call.model));
  return mapped === undefined ? call : withModel(call, mapped.model);
}
