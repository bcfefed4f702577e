// The page's start: signs in with the code of the address, then shows the screen that the address names.

import type { StatusDocument } from "../documents/types.ts";
import { signIn } from "./api.ts";
import { type ConnectionState, keepFollowing } from "./connection.ts";
import { createDoctor } from "./doctor.ts";
import { h } from "./dom.ts";
import { createOverview } from "./overview.ts";
import { createRequests } from "./requests.ts";
import { readPlace, type Screen } from "./screen.ts";
import { createUsage } from "./usage.ts";

const titles = { overview: "Overview", usage: "Usage", requests: "Requests", doctor: "Doctor" } as const;
type ScreenName = keyof typeof titles;

const connectionWords: Readonly<Record<ConnectionState, string>> = {
  connecting: "connecting",
  live: "live",
  lost: "reconnecting",
  "signed-out": "signed out",
};

const main = find("main");
const tabs = find(".tabs");
const connection = find(".connection");

await start();

async function start(): Promise<void> {
  const wasRefused = !(await useCode());
  const screens: Record<ScreenName, Screen> = {
    overview: createOverview(),
    usage: createUsage(),
    requests: createRequests(),
    doctor: createDoctor(),
  };
  let current: Screen | undefined;
  let status: StatusDocument | undefined;

  const show = () => {
    if (status === undefined) return;
    const place = readPlace(location.hash);
    const name = isScreen(place.screen) ? place.screen : "overview";
    const screen = screens[name];
    markTab(name);
    if (screen !== current) {
      current?.hide();
      current = screen;
      main.replaceChildren(screen.element);
      document.title = `${titles[name]} – cc-relay`;
    } else screen.hide();
    screen.show(place);
    screen.update(status);
  };
  window.addEventListener("hashchange", show);
  await keepFollowing({
    onStatus(next) {
      const isFirst = status === undefined;
      status = next;
      if (isFirst) {
        showTabs();
        show();
      } else current?.update(next);
    },
    onState: (state) => showConnection(state, status),
  });
  current?.hide();
  window.removeEventListener("hashchange", show);
  showSignedOut({ wasRefused, wasSignedIn: status !== undefined });
}

/** False when the address had a code that was not taken. The code is not left in the address. */
async function useCode(): Promise<boolean> {
  const code = /^#code=([\w-]+)$/.exec(location.hash)?.[1];
  if (code === undefined) return true;
  history.replaceState(null, "", "/ui");
  try {
    return await signIn(code);
  } catch {
    return false;
  }
}

function isScreen(word: string): word is ScreenName {
  return Object.hasOwn(titles, word);
}

function showTabs(): void {
  const links = Object.entries(titles).map(([name, title]) => h("a", { href: `#/${name}` }, title));
  tabs.replaceChildren(...links);
}

function markTab(name: ScreenName): void {
  for (const link of tabs.querySelectorAll("a")) {
    if (link.getAttribute("href") === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function showConnection(state: ConnectionState, status: StatusDocument | undefined): void {
  if (connection.dataset.state !== state) {
    connection.dataset.state = state;
    connection.textContent = connectionWords[state];
  }
  if (status !== undefined) connection.title = `cc-relay ${status.version}`;
  document.body.classList.toggle("stale", state === "lost");
}

function showSignedOut({ wasRefused, wasSignedIn }: { wasRefused: boolean; wasSignedIn: boolean }): void {
  const why = wasSignedIn
    ? "The session is over: it lasts 12 hours, and a restart of the relay ends it."
    : wasRefused
      ? "The code of this address has been used already, or is older than a minute."
      : "This page opens with a one-time code, so that nobody else can read it.";
  tabs.replaceChildren();
  document.title = "Sign in – cc-relay";
  main.replaceChildren(
    h(
      "div",
      { class: "sign-in card" },
      h("h1", {}, "Not signed in"),
      h("p", {}, why),
      h("p", {}, "In a terminal of the machine where the relay runs, type"),
      h("pre", {}, h("code", {}, "cc-relay web")),
    ),
  );
}

function find(selector: string): HTMLElement {
  const element = document.querySelector<HTMLElement>(selector);
  if (element === null) throw new Error(`the page has no ${selector}`);
  return element;
}
