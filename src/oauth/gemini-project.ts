// Finds the Google Cloud project that a Code Assist login works in, and signs the login up where Google asks for it.
//
// The order of steps is that of Gemini CLI's own setup (packages/core/src/code_assist/setup.ts).

import type { Dispatcher } from "undici";
import type { ExtrasResult, ExtrasSource } from "../account-kinds/account-kind.ts";
import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  parseJson,
  stringField,
} from "../json/json-values.ts";
import { readNetworkFault } from "../network/faults.ts";
import { systemClock } from "../time/clock.ts";
import { oneLine } from "./provider-text.ts";
import { fetchSmallAnswer, type SmallAnswer } from "./small-answer.ts";

export interface ProjectSearch {
  /** Base address of Code Assist, no trailing slash. */
  apiUrl: string;
  accessToken: string;
  /** The project in the configuration; undefined: Google names one. */
  configured: string | undefined;
  dispatcher: Dispatcher;
  /** Waits between two looks at a sign-up under way; a timer unless a test is in a hurry. */
  sleep?: (ms: number) => Promise<void>;
  /** Monotonic milliseconds; the process's own unless given. */
  monotonic?: () => number;
}

export type ProjectResult = { ok: true; project: string } | Extract<ExtrasResult, { ok: false }>;

/** What Google adds to a login: the project that it works in. */
export const geminiExtras: ExtrasSource = {
  title: "project",
  service: "Code Assist",
  keys: {
    project: {
      expected: "a project id",
      write: 'project = "my-project"',
      option: {
        description: "Google Cloud project of a Gemini login (else $GOOGLE_CLOUD_PROJECT)",
        purpose: "logging in to Gemini with Google",
        advice: "give the id of a Google Cloud project, such as: my-project-1",
        // Those that Gemini CLI reads it from.
        variables: ["GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT_ID"],
        why: "Google wants a Cloud project of your own for this login",
        question: "Id of the project",
        example: "my-project-1",
        // A project has a number, too, and Code Assist does not take it.
        findFault: (word) => (/^\d+$/.test(word) ? "is a project's number, and its id is wanted" : undefined),
      },
    },
  },
  async find({ given, ...search }) {
    const found = await findProject({ ...search, configured: given?.project });
    return found.ok ? { ok: true, extras: { project: found.project } } : found;
  },
};

export async function findProject(given: ProjectSearch): Promise<ProjectResult> {
  const search = { ...defaults, ...given };
  const deadline = search.monotonic() + limitMs;
  const loaded = await call(search, "loadCodeAssist", {
    ...(search.configured === undefined ? {} : { cloudaicompanionProject: search.configured }),
    metadata: metadata(search.configured),
  });
  if (!loaded.ok) {
    // A perimeter around the company's services (VPC-SC) hides this one method; the licence may be there all the same.
    const hidden = loaded.reason === "SECURITY_POLICY_VIOLATED" && search.configured !== undefined;
    return hidden ? { ok: true, project: search.configured as string } : loaded;
  }
  const answer = loaded.json;
  if (objectField(answer, "currentTier")) {
    const project = projectId(answer.cloudaicompanionProject) ?? search.configured;
    return project === undefined ? needsProject() : { ok: true, project };
  }
  const tier = chooseTier(answer);
  return tier === undefined ? refused(ineligible(answer)) : signUp(search, tier, deadline);
}

const defaults = {
  sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  monotonic: systemClock.monotonic,
};

/** The whole search; Google's sign-up may take minutes. */
const limitMs = 300_000;
const requestLimitMs = 30_000;
const pollMs = 5_000;
const maxAnswerBytes = 1024 * 1024;

async function signUp(
  search: Required<ProjectSearch>,
  tierId: string,
  deadline: number,
): Promise<ProjectResult> {
  // With a project, Google answers "Precondition Failed" for this tier.
  const project = tierId === "free-tier" ? undefined : search.configured;
  const body = {
    tierId,
    ...(project === undefined ? {} : { cloudaicompanionProject: project }),
    metadata: metadata(project),
  };
  let operation = await call(search, "onboardUser", body);
  for (;;) {
    if (!operation.ok) return operation;
    const { done, name } = operation.json;
    if (done === true) {
      const found =
        projectId(objectField(operation.json, "response")?.cloudaicompanionProject) ?? search.configured;
      if (found !== undefined) return { ok: true, project: found };
      const error = objectField(operation.json, "error");
      return error ? refused(clean(stringField(error, "message") ?? "the sign-up failed")) : needsProject();
    }
    if (search.monotonic() + pollMs > deadline) {
      return {
        ok: false,
        kind: "temporary",
        detail: "Google has not finished the sign-up for Code Assist yet",
      };
    }
    await search.sleep(pollMs);
    // Some answers name no operation; asking the method again finds the same one.
    operation =
      typeof name === "string" && /^operations\/[\w./-]+$/.test(name) && !name.includes("..")
        ? await call(search, name, undefined)
        : await call(search, "onboardUser", body);
  }
}

type CallResult = { ok: true; json: JsonObject } | (ProjectResult & { ok: false; reason?: string });

/** POSTs to a method, or without a body GETs an operation. */
async function call(search: ProjectSearch, name: string, body: object | undefined): Promise<CallResult> {
  const separator = body === undefined ? "/" : ":";
  let answer: SmallAnswer;
  try {
    answer = await fetchSmallAnswer({
      dispatcher: search.dispatcher,
      url: new URL(`${search.apiUrl}/v1internal${separator}${name}`),
      method: body === undefined ? "GET" : "POST",
      headers: [
        ...["authorization", `Bearer ${search.accessToken}`, "accept", "application/json"],
        ...["accept-encoding", "identity", "user-agent", "cc-relay"],
        ...(body === undefined ? [] : ["content-type", "application/json"]),
      ],
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(requestLimitMs),
      maxBytes: maxAnswerBytes,
    });
    if (answer.truncatedBy !== undefined) throw answer.truncatedBy;
  } catch (error) {
    const fault = readNetworkFault(error);
    const kind = fault.kind === "proxy" || fault.kind === "shortage" ? fault.kind : "temporary";
    return { ok: false, kind, detail: fault.message };
  }
  const json = parseJson(answer.body);
  if (answer.status >= 200 && answer.status < 300 && isObject(json)) return { ok: true, json };
  return readRefusal(answer.status, json);
}

/** Google's error form: {error: {code, message, status, details: [{reason, …}]}}. */
function readRefusal(status: number, json: unknown): CallResult {
  const error = objectField(json, "error");
  const details = listField(error, "details");
  const reason = details.map((detail) => stringField(detail, "reason")).find((found) => found !== undefined);
  const text = stringField(error, "message");
  const detail = clean(
    `Google answered ${status}${text === undefined ? "" : ` (${text.replace(/\.$/, "")})`}${helpLink(details)}`,
  );
  if (status === 401) return { ok: false, kind: "unauthorized", detail };
  if (status === 429) return { ok: false, kind: "throttled", detail };
  // An HTML page of a firewall says nothing about the login.
  const isVerdict = isObject(json) && (status === 400 || status === 403 || status === 404);
  return { ok: false, kind: isVerdict ? "refused" : "temporary", detail, reason };
}

function helpLink(details: readonly unknown[]): string {
  const links = details.flatMap((detail) => listField(detail, "links"));
  const url = links.map((link) => stringField(link, "url")).find((found) => found?.startsWith("https://"));
  return url === undefined ? "" : `, see ${url}`;
}

/** Undefined when Google allows none. */
function chooseTier(answer: JsonObject): string | undefined {
  const needsPerson = tiersIn(answer, "ineligibleTiers").some(
    (tier) => tier.reasonCode === "VALIDATION_REQUIRED" && stringField(tier, "validationUrl") !== undefined,
  );
  const allowed = tiersIn(answer, "allowedTiers");
  if (needsPerson || allowed.length === 0) return undefined;
  const usual = allowed.find((tier) => tier.isDefault === true);
  return stringField(usual, "id") ?? "legacy-tier";
}

/** Google's own texts, in its order; unknown codes included. */
function ineligible(answer: JsonObject): string {
  const reasons = tiersIn(answer, "ineligibleTiers").map((tier) => {
    const text =
      stringField(tier, "reasonMessage") ?? stringField(tier, "validationErrorMessage") ?? "no reason given";
    const code = stringField(tier, "reasonCode");
    const url = stringField(tier, "validationUrl");
    return `${text.replace(/\.$/, "")}${code === undefined ? "" : ` [${code}]`}${url === undefined ? "" : `, see ${url}`}`;
  });
  return clean(
    reasons.length === 0
      ? "Google offers this login no tier of Code Assist"
      : [...new Set(reasons)].join("; "),
  );
}

function tiersIn(answer: JsonObject, name: string): JsonObject[] {
  return listField(answer, name).filter(isObject);
}

function metadata(project: string | undefined): object {
  return {
    ideType: "IDE_UNSPECIFIED",
    platform: "PLATFORM_UNSPECIFIED",
    pluginType: "GEMINI",
    ...(project === undefined ? {} : { duetProject: project }),
  };
}

/** A string, or an object with an id. */
function projectId(value: unknown): string | undefined {
  if (isObject(value)) return stringField(value, "id");
  return typeof value === "string" && value !== "" ? value : undefined;
}

function needsProject(): ProjectResult & { ok: false } {
  const detail =
    'Google wants a project of your own for this login: add project = "YOUR-PROJECT-ID" to the account';
  return { ...refused(detail), wants: "project" };
}

function refused(detail: string): ProjectResult & { ok: false } {
  return { ok: false, kind: "refused", detail };
}

/** Google's reasons are long, and any part of them may be the one that helps. */
function clean(text: string): string {
  return oneLine(text, 600);
}
