// The common parts of the four screens.

import type { StatusDocument } from "../documents/types.ts";
import { h } from "./dom.ts";

export interface Screen {
  readonly element: HTMLElement;
  /** The screen is shown; `id` is what follows its name in the address, `parameters` what follows the question mark. */
  show(place: Place): void;
  /** It is shown, and the status has changed. */
  update(status: StatusDocument): void;
  hide(): void;
}

export interface Place {
  screen: string;
  id: string;
  parameters: URLSearchParams;
}

/** `#/requests/ID?failed` as a place. */
export function readPlace(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [screen = "", ...others] = path.split("/");
  return { screen, id: decode(others.join("/")), parameters: new URLSearchParams(query) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function placeLink(screen: string, parameters: Record<string, string | undefined> = {}): string {
  const wanted = Object.entries(parameters).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const query = new URLSearchParams(wanted).toString();
  return `#/${screen}${query === "" ? "" : `?${query}`}`;
}

/** A screen's heading, with what is beside it. */
export function heading(title: string, ...beside: (Node | string | undefined)[]): HTMLElement {
  return h("div", { class: "heading" }, h("h2", {}, title), h("div", { class: "heading-side" }, ...beside));
}

/** In the place of what there is nothing of. */
export function empty(title: string, ...more: (Node | string)[]): HTMLElement {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("p", {}, ...more));
}

export function failure(error: unknown): HTMLElement {
  const message = error instanceof Error ? error.message : String(error);
  return h(
    "div",
    { class: "empty failed", role: "alert" },
    h("p", { class: "empty-title" }, "This could not be read"),
    h("p", {}, message),
  );
}

export function code(text: string): HTMLElement {
  return h("code", {}, text);
}
