// Gemini CLI: its variables, and a home folder for one run, which has everything of the real one but our choice of authentication.
//
// Gemini CLI 0.61 takes its choice of authentication from a settings file only (with a base URL in the environment it
// chooses "gateway" and then refuses it). It reads the file named by GEMINI_CLI_SYSTEM_SETTINGS_PATH only when that and
// every folder above it belong to root, so an ordinary user's temporary file is skipped: GEMINI_CLI_HOME is what is left.

import {
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../domain/errors.ts";
import { type JsonObject, objectField, stringField } from "../json/json-values.ts";
import type { ClientInfo } from "./client.ts";
import { parseSettings } from "./settings-files.ts";

export const geminiCli: ClientInfo = {
  title: "Gemini CLI",
  family: "gemini",
  // The version is appended by the client.
  path: "/gemini",
  urlVariable: "GOOGLE_GEMINI_BASE_URL",
  keyVariable: "GEMINI_API_KEY",
  conflicting: [
    { name: "GOOGLE_API_KEY", effect: "is preferred to GEMINI_API_KEY by the SDK" },
    { name: "GOOGLE_GENAI_USE_VERTEXAI", effect: "sends the requests to Google Vertex AI" },
    { name: "GOOGLE_GENAI_USE_GCA", effect: "makes Gemini CLI use its Google login" },
  ],
  servedPaths: ["", "/gemini"],
  appended: { path: "/v1beta/models", ending: /\/v1(?:beta|alpha)?(?:\/models)?$/ },
  ownLogin: {
    // GOOGLE_GEMINI_BASE_URL does not move what a login asks.
    urlVariable: "CODE_ASSIST_ENDPOINT",
    key: { headersVariable: "GEMINI_CLI_CUSTOM_HEADERS", separators: [",", ":"] },
    others: { GOOGLE_GENAI_USE_GCA: "true" },
    replacing: ["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_GENAI_USE_VERTEXAI"],
  },
};

export const geminiAuthType = "gemini-api-key";

export interface GeminiHome {
  /** Undefined when the user's own settings already say what is needed. */
  folder: string | undefined;
  /** Removes what was made; what the client wrote there goes where it would have written it. */
  remove(): Promise<void>;
}

/** @param home the folder that holds the user's `.gemini`. */
export async function createGeminiHome(home: string, platform: NodeJS.Platform): Promise<GeminiHome> {
  const settings = await readSettings(join(home, ".gemini", "settings.json"));
  if (authTypeOf(settings) === geminiAuthType) return { folder: undefined, remove: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-gemini-"));
  const inner = join(folder, ".gemini");
  const own = join(home, ".gemini");
  const discard = () => rm(folder, { recursive: true, force: true });
  try {
    await mkdir(inner, { mode: 0o700 });
    // Histories, trusted folders, extensions, commands: the run sees and keeps them as any other.
    await mirror(own, inner, { platform, except: ["settings.json"] });
    await mirror(home, folder, { platform, only: [".agents", ".env"] });
    await writeFile(join(inner, "settings.json"), JSON.stringify(withAuthType(settings), undefined, 2), {
      mode: 0o600,
    });
  } catch (error) {
    await discard();
    throw error;
  }
  return {
    folder,
    async remove() {
      await carryOver(inner, own);
      await discard();
    },
  };
}

/** The authentication that a settings file chooses; undefined when there is no such file or choice. */
export async function readAuthType(file: string): Promise<string | undefined> {
  return authTypeOf(await readSettings(file));
}

async function readSettings(file: string): Promise<JsonObject> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return {};
    throw new UserError(`${file} cannot be read: ${code}`, {
      fix: "make it readable for this user: it holds Gemini CLI's settings",
      cause: error,
    });
  }
  const settings = parseSettings(text);
  if (settings !== undefined) return settings;
  throw new UserError(`${file} is not valid JSON`, { fix: "fix it, Gemini CLI cannot read it either" });
}

/** The authentication that settings choose; undefined when they do not. */
export function authTypeOf(settings: Readonly<JsonObject>): string | undefined {
  return stringField(objectField(settings.security, "auth"), "selectedType");
}

function withAuthType(settings: JsonObject): JsonObject {
  const security = objectField(settings, "security");
  const auth = objectField(security, "auth");
  return {
    ...settings,
    security: { ...security, auth: { ...auth, selectedType: geminiAuthType } },
  };
}

/** Links the entries of one folder into another. */
async function mirror(
  from: string,
  to: string,
  {
    platform,
    only,
    except = [],
  }: { platform: NodeJS.Platform; only?: readonly string[]; except?: readonly string[] },
): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (except.includes(entry.name) || (only && !only.includes(entry.name))) continue;
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    // On Windows a link to a file needs a privilege, a junction to a folder does not.
    if (platform !== "win32") await symlink(source, target);
    else if (entry.isDirectory()) await symlink(source, target, "junction");
    else if (entry.isFile()) await copyFile(source, target);
  }
}

/** Moves what the client made anew, or put in the place of a link, as programs do that write a file and rename it. */
async function carryOver(inner: string, own: string): Promise<void> {
  const entries = await readdir(inner, { withFileTypes: true }).catch(() => []);
  const written = entries.filter((entry) => !entry.isSymbolicLink() && entry.name !== "settings.json");
  if (written.length === 0) return;
  try {
    await mkdir(own, { recursive: true });
    for (const { name } of written) await replace(join(inner, name), join(own, name));
  } catch (error) {
    // It is history and the like: where it cannot be kept, the client would have gone without it too.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

/** The temporary folder can be on another file system, where nothing can be renamed to. */
async function replace(source: string, target: string): Promise<void> {
  const beside = `${target}.cc-relay-${process.pid}`;
  try {
    await cp(source, beside, { recursive: true });
    await rename(beside, target);
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}
