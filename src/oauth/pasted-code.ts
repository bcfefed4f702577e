// Reads what a person pastes to finish a login. Pure.

import { oneLine } from "./provider-text.ts";

export interface PastedCode {
  code: string;
  /** Undefined for a bare code: then there is nothing to compare. */
  state: string | undefined;
  /** The address it was part of, without its query; undefined when only the code was pasted. */
  redirect: string | undefined;
}

export type Pasted = { ok: true; pasted: PastedCode } | { ok: false; problem: string };

/** `CODE#STATE`, a bare code, `code=…&state=…`, or the whole address the browser ended at. */
export function readPastedCode(text: string): Pasted {
  // Terminals and mail programs break long lines; a code has no blanks of its own.
  const line = text.replace(/\s+/g, "").replace(/^["'<]+|["'>]+$/g, "");
  if (line === "") return nothing;
  if (/^https?:\/\//i.test(line)) return readAddress(line);
  if (/^[?&]?(code|state|error)=/.test(line)) return readQuery(new URLSearchParams(line), undefined);
  const hash = line.indexOf("#");
  const code = (hash === -1 ? line : line.slice(0, hash)).split("&")[0]!;
  const state = hash === -1 ? undefined : line.slice(hash + 1).split("&")[0]!;
  if (code === "") return nothing;
  return { ok: true, pasted: { code, state: state === "" ? undefined : state, redirect: undefined } };
}

const nothing = { ok: false, problem: "there is no code in what was pasted" } as const;

function readAddress(line: string): Pasted {
  if (!URL.canParse(line)) return { ok: false, problem: "that is no address a browser could have ended at" };
  const url = new URL(line);
  const redirect = `${url.origin}${url.pathname}`;
  // Some pages put the parameters behind the hash.
  const query = url.searchParams.has("code") || url.searchParams.has("error") ? url.searchParams : undefined;
  return readQuery(query ?? new URLSearchParams(url.hash.slice(1)), redirect);
}

function readQuery(query: URLSearchParams, redirect: string | undefined): Pasted {
  const error = query.get("error");
  if (error !== null) {
    const description = query.get("error_description");
    return { ok: false, problem: `the login was refused: ${oneLine(description ?? error)}` };
  }
  // The page's own form of `code` may hold the state too.
  const [code = "", behind] = (query.get("code") ?? "").split("#");
  if (code === "") {
    return {
      ok: false,
      problem: "that address holds no code: paste the one the browser ends at after you agreed",
    };
  }
  return { ok: true, pasted: { code, state: query.get("state") ?? behind ?? undefined, redirect } };
}
