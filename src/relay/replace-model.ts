// Replaces the model's name in a call: the bytes of that one value change, in the path or in the body, and nothing else.

import type { AccountConfig } from "../config/config.ts";
import { type Call, readableBody, withBody } from "../domain/call.ts";
import { matchesModel } from "../domain/model-scope.ts";
import { readString, scanMembers } from "../json/json-scan.ts";

/** The call itself where it names no model, or this one. */
export function withModel(call: Call, model: string): Call {
  if (call.model === undefined || call.model === model) return call;
  const replaced = replacedIn(call, model);
  return replaced ? { ...replaced, model, askedModel: call.askedModel ?? call.model } : call;
}

function replacedIn(call: Call, model: string): Call | undefined {
  const inPath = /^(\/v1\w*\/)(?:models|tunedModels)\/.+(:[A-Za-z]+)$/.exec(call.path);
  if (inPath) return { ...call, path: `${inPath[1]}models/${encodeURIComponent(model)}${inPath[2]}` };
  const asked = call.asked ?? findModel(readableBody(call));
  if (asked === undefined) return undefined;
  const { start, end } = asked.model;
  const body = [asked.json.subarray(0, start), Buffer.from(JSON.stringify(model)), asked.json.subarray(end)];
  return { ...withBody(call, body), asked };
}

function findModel(json: Buffer | undefined): Call["asked"] {
  const model = json && scanMembers(json, ["model"])?.get("model");
  return model && readString(json, model) !== undefined ? { json, model } : undefined;
}

/**
 * Whether the account has another name for the model, so that the request's bytes would change. Undefined, of a model that is not known yet:
 * whether it has one for any.
 */
export function isRenamedBy(
  { modelMap }: Pick<AccountConfig, "modelMap">,
  asked: string | undefined,
): boolean {
  if (asked === undefined) return modelMap?.some(({ pattern, model }) => pattern !== model) ?? false;
  return (mappedName(modelMap, asked) ?? asked) !== asked;
}

/** The call itself where the account has no names of its own; whether it serves the model at all is asked before. */
export function callFor({ modelMap }: Pick<AccountConfig, "modelMap">, call: Call): Call {
  const model = mappedName(modelMap, call.model);
  return model === undefined ? call : withModel(call, model);
}

/** The first that matches; undefined where none does. */
function mappedName(modelMap: AccountConfig["modelMap"], asked: string | undefined): string | undefined {
  return modelMap?.find(({ pattern }) => matchesModel([pattern], asked))?.model;
}
