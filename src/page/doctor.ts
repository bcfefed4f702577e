// The doctor screen: the checks of `cc-relay doctor`, what is wrong first.

import type { CheckDocument, DoctorDocument } from "../documents/types.ts";
import { plural } from "../text/format.ts";
import { h } from "./dom.ts";
import { createLoader } from "./loader.ts";
import { heading, type Screen } from "./screen.ts";
import { clock, plain } from "./text.ts";

const path = "/ui/data/doctor";
const order = ["fail", "warn", "ok"] as const;
const signs = { ok: "✓", warn: "!", fail: "✗" } as const;
const words = { ok: "fine", warn: "warning", fail: "failed" } as const;

export function createDoctor(): Screen {
  const verdict = h("p", { class: "verdict" });
  const list = h("ul", { class: "checks" });
  const again = h("button", { type: "button", class: "button" }, "Check again");
  const loader = createLoader<DoctorDocument>((found) => {
    again.disabled = false;
    verdict.replaceChildren(...verdictText(found));
    list.replaceChildren(...sorted(found.checks).map(renderCheck));
  }, "Checking the machine, the relay, every account and the clients. This takes some seconds.");
  again.addEventListener("click", check);

  function check(): void {
    again.disabled = true;
    void loader.load(path).finally(() => (again.disabled = false));
  }

  return {
    element: h("div", { class: "screen" }, heading("Doctor", again), loader.notice, verdict, list),
    show: check,
    update() {},
    hide: loader.cancel,
  };
}

function sorted(checks: readonly CheckDocument[]): CheckDocument[] {
  return checks.toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
}

function verdictText({ checks, checked_at }: DoctorDocument): (Node | string)[] {
  const failed = checks.filter(({ status }) => status === "fail").length;
  const warned = checks.filter(({ status }) => status === "warn").length;
  const problems = [
    ...(failed > 0 ? [plural(failed, "problem")] : []),
    ...(warned > 0 ? [plural(warned, "warning")] : []),
  ];
  const text = problems.length === 0 ? "Everything is fine." : problems.join(" and ");
  return [
    h("strong", {}, text),
    h("span", { class: "muted" }, ` ${plural(checks.length, "check")} at ${clock(checked_at, Date.now())}`),
  ];
}

function renderCheck(check: CheckDocument): HTMLElement {
  const { name, status, detail } = check;
  const fix = fixOf(check);
  return h(
    "li",
    { class: "check-result", "data-status": status },
    h("span", { class: "sign", role: "img", "aria-label": words[status] }, signs[status]),
    h(
      "div",
      {},
      h("h3", {}, plain(name)),
      h("p", {}, plain(detail)),
      fix.length === 0 ? undefined : h("p", { class: "fix" }, ...fix),
    ),
  );
}

/** A command is there to be copied. */
function fixOf({ fix, command }: CheckDocument): (Node | string)[] {
  if (fix === null) return [];
  if (command === null || !fix.endsWith(command)) return [plain(fix)];
  return [plain(fix.slice(0, -command.length)), h("code", {}, plain(command))];
}
