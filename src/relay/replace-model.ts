// Replaces the model's name in a call: the bytes of that one value change, in the path or in the body, and nothing else.

import type { AccountConfig } from "../config/config.ts";
import { type Call, wholeBody, withBody } from "../domain/call.ts";
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
  if (call.body === undefined) return undefined;
  const json = wholeBody(call.decodedBody ?? call.body);
  const value = scanMembers(json, ["model"])?.get("model");
  if (value === undefined || readString(json, value) === undefined) return undefined;
  const body = [json.subarray(0, value.start), Buffer.from(JSON.stringify(model)), json.subarray(value.end)];
  return withBody(call, body);
}

/** The call itself where the account has no names of its own; whether it serves the model at all is asked before. */
export function callFor({ modelMap }: Pick<AccountConfig, "modelMap">, call: Call): Call {
  const mapped = modelMap?.find(({ pattern }) => matchesModel([pattern], call.model));
  return mapped === undefined ? call : withModel(call, mapped.model);
}
