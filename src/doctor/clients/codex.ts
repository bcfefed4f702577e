// Checks Codex: its program and its configuration, which alone decides where it sends requests. Tried with version 0.169.0.

import { dirname, join } from "node:path";
import { type Json, parseSettings, readOptional, tableIn } from "../../clients/settings-files.ts";
import { clientInfo } from "../../clients/variables.ts";
import { parseToml } from "../../config/parse.ts";
import { printable } from "../../config/problem.ts";
import { stringField } from "../../json/json-values.ts";
import { shellSyntax } from "../../terminal/shells.ts";
import { type Check, findingsOn } from "../check.ts";
import { findBaseUrlFault, findKeyFault, isAt } from "./addressing.ts";
import { describeProgram, lookForProgram, type Surroundings } from "./surroundings.ts";

export async function checkCodex(surroundings: Surroundings): Promise<Check[]> {
  const { env, home, programs } = surroundings;
  const program = await lookForProgram("codex", findings, programs);
  const file = join(env.CODEX_HOME || join(home, ".codex"), "config.toml");
  const text = await readOptional(file);
  if (text === undefined && program.file === undefined) return [program.check];
  const parsed = parseToml(text ?? "");
  if (!parsed.ok) {
    const place = parsed.line === undefined ? file : `${file}:${parsed.line}`;
    return [
      program.check,
      findings.fail(`${place}: ${parsed.reason}`, "fix it: Codex cannot read it either"),
    ];
  }
  const codex: CodexFile = { file, data: parsed.data, surroundings };
  const providers = findProviders(codex);
  const faults = [
    ...(await Promise.all(providers.map((provider) => checkProvider(provider, codex)))).flat(),
    ...(await checkBuiltIn(codex)),
  ];
  const isPointed = providers.length > 0 || typeof parsed.data.openai_base_url === "string";
  const ignored = isPointed ? [] : findIgnoredVariable(surroundings);
  return [describeProgram(program, isPointed), ...ignored, ...faults];
}

const findings = findingsOn("clients", "codex");

interface CodexFile {
  file: string;
  data: Json;
  surroundings: Surroundings;
}

interface Provider {
  id: string;
  baseUrl: string;
  settings: Json;
  /** `model_provider` names it: what is wrong with it matters now. */
  isChosen: boolean;
}

/** The chosen provider, and every other that leads to the relay. */
function findProviders({ data, surroundings }: CodexFile): Provider[] {
  const providers = tableIn(data, "model_providers");
  return Object.keys(providers).flatMap((id) => {
    const settings = tableIn(providers, id);
    const { base_url: baseUrl } = settings;
    if (typeof baseUrl !== "string") return [];
    const isChosen = data.model_provider === id;
    const isOurs = isAt(baseUrl, surroundings.relay?.origin);
    // Somebody's other gateway is no business of ours.
    return isOurs || (isChosen && isLocal(baseUrl)) ? [{ id, baseUrl, settings, isChosen }] : [];
  });
}

function isLocal(url: string): boolean {
  return /^https?:\/\/(?:localhost|127\.|\[::1\])/i.test(url);
}

async function checkProvider(provider: Provider, codex: CodexFile): Promise<Check[]> {
  const { id, baseUrl, settings, isChosen } = provider;
  const { file, surroundings } = codex;
  const section = `[model_providers.${printable(id, 40)}]`;
  const fix =
    surroundings.relay === undefined
      ? { instruction: `write into ${section} of ${file} what this prints:`, command: "cc-relay env codex" }
      : `write base_url = "${surroundings.relay.origin}/openai/v1" in ${section} of ${file}`;
  const base = { setting: `base_url of ${section}`, value: baseUrl, client: clientInfo.codex, fix };
  const faults = [
    await findBaseUrlFault(base, findings, surroundings),
    findWebSocket(provider, section, codex),
    settings.wire_api === "chat"
      ? findings.fail(
          `${section} has wire_api = "chat", which Codex refuses`,
          `write wire_api = "responses" there, in ${file}`,
        )
      : undefined,
    findMissingKey(provider, codex),
    isChosen ? undefined : findUnusedProvider(provider, codex),
  ];
  return faults.filter((fault) => fault !== undefined);
}

/** A relay that offers none answers 426, and Codex asks again at its next start. */
function findWebSocket(
  { settings, baseUrl }: Provider,
  section: string,
  codex: CodexFile,
): Check | undefined {
  const { file, surroundings } = codex;
  const { relay } = surroundings;
  const isOurs = isAt(baseUrl, relay?.origin);
  if (settings.supports_websockets !== true || !isOurs || relay?.webSocket !== false) return undefined;
  return findings.warn(
    `${section} has supports_websockets = true, and the relay has [upstream] websocket = false`,
    `write supports_websockets = false in ${section} of ${file}, or websocket = true in the relay's config.toml`,
  );
}

function findMissingKey(
  { baseUrl, settings }: Provider,
  { file, surroundings }: CodexFile,
): Check | undefined {
  const { env_key: variable } = settings;
  const { env, shell } = surroundings;
  if (typeof variable === "string") {
    const command = shellSyntax[shell].evaluate("cc-relay env codex");
    const fix = { instruction: "to set it, run:", command };
    return findKeyFault({ baseUrl, variables: [printable(variable, 60)], env, fix }, findings, surroundings);
  }
  const asksForKey = (surroundings.relay?.keys.length ?? 0) > 0;
  const hasOther =
    "http_headers" in settings || "env_http_headers" in settings || "experimental_bearer_token" in settings;
  if (!asksForKey || hasOther) return undefined;
  const fix = `write env_key = "${clientInfo.codex.keyVariable}" there, in ${file}`;
  return findings.warn(
    "the provider that leads to the relay names no env_key, and the relay asks for a key",
    fix,
  );
}

function findUnusedProvider({ id }: Provider, { file, data }: CodexFile): Check | undefined {
  const chosen =
    typeof data.model_provider === "string" ? `"${printable(data.model_provider, 40)}"` : "its built-in one";
  return findings.warn(
    `the provider "${printable(id, 40)}" leads to the relay, and Codex uses ${chosen}`,
    `write model_provider = ${JSON.stringify(id)} at the top of ${file}`,
  );
}

/** The built-in provider with another address asks for a WebSocket at every start, also of a relay that offers none. */
async function checkBuiltIn({ data, file, surroundings }: CodexFile): Promise<Check[]> {
  const { openai_base_url: value } = data;
  if (typeof value !== "string") return [];
  const instruction = `define a provider of its own in ${file}, as this prints:`;
  const fix = { instruction, command: "cc-relay env codex" };
  const base = { setting: `openai_base_url in ${file}`, value, client: clientInfo.codex, fix };
  const fault = await findBaseUrlFault(base, findings, surroundings);
  if (fault !== undefined) return [fault];
  const { relay } = surroundings;
  if (relay !== undefined && relay.keys.length > 0 && isAt(value, relay.origin) && (await hasLogin(file))) {
    const detail = `openai_base_url in ${file} leads the built-in provider to the relay, which asks for a key: beside Codex's own login it can carry none`;
    return [findings.fail(detail, { instruction, command: "cc-relay env codex --own-login" })];
  }
  if (relay?.webSocket !== false) return [];
  const detail = `openai_base_url in ${file} leads the built-in provider to the relay, which has [upstream] websocket = false and is asked for one first`;
  return [findings.warn(detail, fix)];
}

/** Whether Codex is signed in to ChatGPT, by the file that it keeps beside its configuration. */
async function hasLogin(configFile: string): Promise<boolean> {
  const text = await readOptional(join(dirname(configFile), "auth.json"));
  return stringField(tableIn(parseSettings(text ?? "") ?? {}, "tokens"), "access_token") !== undefined;
}

/** It is right for the SDKs, and looks as if it were for Codex too. */
function findIgnoredVariable({ env, relay }: Surroundings): Check[] {
  const value = env.OPENAI_BASE_URL;
  if (!value || !isAt(value, relay?.origin)) return [];
  const detail = "OPENAI_BASE_URL points at the relay, and Codex ignores it";
  return [
    findings.warn(detail, {
      instruction: "to see what to write into Codex's configuration, run:",
      command: "cc-relay env codex",
    }),
  ];
}
