// Loads a screen's data: one request at a time, the last one asked for wins, and a failure is shown.

import { getJson, SignedOut } from "./api.ts";
import { h } from "./dom.ts";
import { failure } from "./screen.ts";

export interface Loader {
  /** Where a failure is shown, or that it takes long. */
  readonly notice: HTMLElement;
  load(path: string): Promise<void>;
  cancel(): void;
}

const slowMs = 400;

export function createLoader<T>(onData: (data: T) => void, slowText = "Loading…"): Loader {
  const notice = h("div", { "aria-live": "polite" });
  let current: AbortController | undefined;

  function show(element: HTMLElement | undefined): void {
    notice.replaceChildren(...(element === undefined ? [] : [element]));
  }

  return {
    notice,
    async load(path) {
      current?.abort();
      const own = new AbortController();
      current = own;
      const slow = setTimeout(() => show(h("p", { class: "nothing" }, slowText)), slowMs);
      try {
        const data = await getJson<T>(path, own.signal);
        if (own.signal.aborted) return;
        show(undefined);
        onData(data);
      } catch (error) {
        // The live connection notices the end of the session, too, and says what to do.
        if (!own.signal.aborted && !(error instanceof SignedOut)) show(failure(error));
      } finally {
        clearTimeout(slow);
      }
    },
    cancel() {
      current?.abort();
    },
  };
}
