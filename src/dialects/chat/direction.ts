// Chooses the family that answers a chat request: OpenAI's accounts as it came, or Claude's, for which it is converted.

import type { AccountConfig } from "../../config/config.ts";
import type { Family } from "../../domain/family.ts";
import { matchesModel } from "../../domain/model-scope.ts";
import type { Direction } from "../dialect.ts";

/** The owner's configuration decides first, then the model's name; lists of models are not asked for it. */
export function directChat(model: string, accounts: readonly AccountConfig[]): Direction {
  const isNamedBy = (family: Family) =>
    accounts.some((account) => account.enabled && account.family === family && names(account, model));
  if (isNamedBy("openai")) return native;
  return /^claude/i.test(model) || isNamedBy("claude") ? converted : native;
}

/** A login is for what a Claude client itself sends. */
const converted: Direction = {
  family: "claude",
  path: "/v1/messages",
  converts: true,
  onlyTypes: ["claude-api"],
};

const native: Direction = {
  family: "openai",
  path: "/v1/chat/completions",
  converts: false,
  onlyTypes: undefined,
};

function names({ models, modelMap }: AccountConfig, model: string): boolean {
  if (models === undefined && modelMap === undefined) return false;
  const mapped = modelMap?.map(({ pattern }) => pattern);
  return matchesModel(models, model) && matchesModel(mapped, model);
}
