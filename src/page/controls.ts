// Form fields of the screens, and the address that remembers what they say.

import { h } from "./dom.ts";
import { placeLink } from "./screen.ts";

export function choiceField(
  label: string,
  name: string,
  options: readonly (readonly [value: string, text: string])[],
): HTMLElement {
  return h(
    "label",
    { class: "field" },
    h("span", {}, label),
    h("select", { name }, ...options.map(([value, text]) => h("option", { value }, text))),
  );
}

export function textField(label: string, name: string, placeholder: string): HTMLElement {
  return h(
    "label",
    { class: "field" },
    h("span", {}, label),
    h("input", { name, type: "search", placeholder, autocomplete: "off", spellcheck: "false", size: 16 }),
  );
}

export function dateField(label: string, name: string): HTMLElement {
  return h(
    "label",
    { class: "field" },
    h("span", {}, label),
    h("input", { name, type: "date", required: true }),
  );
}

export function checkField(label: string, name: string): HTMLElement {
  return h("label", { class: "field check" }, h("input", { name, type: "checkbox" }), h("span", {}, label));
}

/** Goes to the place without a new entry in the browser's history. */
export function setPlace(screen: string, parameters: Record<string, string | undefined>): void {
  history.replaceState(null, "", placeLink(screen, parameters));
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}
