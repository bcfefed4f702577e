// Which requests of web pages and browsers are refused, as a table.

import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import { test } from "node:test";
import { type Area, decidePageAccess, hasBrowserHeader } from "../../src/server/page-access.ts";

const host = "127.0.0.1:3000";
const own = `http://${host}`;
const obsidian = "app://obsidian.md";

interface Row {
  areas: readonly Area[];
  methods: readonly string[];
  headers: IncomingHttpHeaders;
  hasKeyHeader?: boolean;
  hasPageSession?: boolean;
  expected: "pass" | "cors" | "refuse";
}

const programs = ["model", "program", "status"] as const;
const every = [...programs, "open"] as const;
const reading = ["GET", "HEAD"] as const;
const methods = [...reading, "POST", "DELETE", "OPTIONS"] as const;
const writing = ["POST", "DELETE"] as const;

const rows: Record<string, Row> = {
  "a program that says nothing of browsers": { areas: every, methods, headers: {}, expected: "pass" },
  "Node's fetch": { areas: every, methods, headers: { "sec-fetch-mode": "cors" }, expected: "pass" },
  "a page of another origin": {
    areas: every,
    methods,
    headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
    expected: "refuse",
  },
  "a page of another origin that knows a key": {
    areas: every,
    methods,
    headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
    hasKeyHeader: true,
    expected: "refuse",
  },
  "an image or form of another origin": {
    areas: every,
    methods,
    headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" },
    expected: "refuse",
  },
  "another port of localhost": {
    areas: every,
    methods,
    headers: { "sec-fetch-site": "same-site" },
    expected: "refuse",
  },
  "a sandboxed frame": { areas: every, methods, headers: { origin: "null" }, expected: "refuse" },
  "a file opened in the browser": {
    areas: every,
    methods,
    headers: { origin: "null", "sec-fetch-site": "cross-site" },
    expected: "refuse",
  },
  "speculation rules: prefetch": {
    areas: every,
    methods: reading,
    headers: { "sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-purpose": "prefetch" },
    expected: "refuse",
  },
  "speculation rules: prerender": {
    areas: every,
    methods: reading,
    headers: {
      "sec-fetch-site": "none",
      "sec-fetch-mode": "navigate",
      "sec-fetch-user": "?1",
      "sec-purpose": "prefetch;prerender",
    },
    expected: "refuse",
  },
  "a prefetch of an older browser": {
    areas: programs,
    methods: reading,
    headers: { purpose: "prefetch" },
    expected: "refuse",
  },
  "an extension's fetch, which has no Origin": {
    areas: every,
    methods: reading,
    headers: { "sec-fetch-site": "none", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" },
    expected: "refuse",
  },
  "an extension's POST": {
    areas: every,
    methods: writing,
    headers: { origin: "chrome-extension://abcdefghijklmnop", "sec-fetch-site": "none" },
    expected: "refuse",
  },
  "typed into the address bar": {
    areas: ["open"],
    methods: reading,
    headers: { "sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-user": "?1" },
    expected: "pass",
  },
  "typed into the address bar, for programs": {
    areas: programs,
    methods: reading,
    headers: { "sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-user": "?1" },
    expected: "refuse",
  },
  "a form sent from nowhere": {
    areas: programs,
    methods: writing,
    headers: { "sec-fetch-site": "none", "sec-fetch-mode": "navigate" },
    expected: "refuse",
  },
  "Electron's own stack, no key, POST": {
    areas: programs,
    methods: writing,
    headers: { "sec-fetch-site": "none", "sec-fetch-mode": "no-cors" },
    expected: "pass",
  },
  "Electron's own stack, no key, GET": {
    areas: programs,
    methods: reading,
    headers: { "sec-fetch-site": "none", "sec-fetch-mode": "no-cors" },
    expected: "refuse",
  },
  "Electron's own stack with a key": {
    areas: every,
    methods,
    headers: { "sec-fetch-site": "none", "sec-fetch-mode": "no-cors" },
    hasKeyHeader: true,
    expected: "pass",
  },
  "a key in a header outweighs every Sec-Fetch-Site": {
    areas: every,
    methods,
    headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" },
    hasKeyHeader: true,
    expected: "pass",
  },
  "a link on another page, followed by a browser without Sec-Fetch": {
    areas: programs,
    methods: reading,
    headers: { referer: "https://evil.example/page" },
    expected: "refuse",
  },
  "a referer that is no address": {
    areas: programs,
    methods: reading,
    headers: { referer: "evil" },
    expected: "refuse",
  },
  "a program that names its own site in a POST": {
    areas: programs,
    methods: writing,
    headers: { referer: "https://my-tool.example/" },
    expected: "pass",
  },
  "the relay's own address as referer": {
    areas: every,
    methods,
    headers: { referer: `${own}/` },
    expected: "pass",
  },
  "the relay's own page, on what is for programs": {
    areas: programs,
    methods: writing,
    headers: { origin: own, "sec-fetch-site": "same-origin" },
    expected: "refuse",
  },
  "the relay's own page reading what is for programs": {
    areas: programs,
    methods: reading,
    headers: { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" },
    expected: "refuse",
  },
  "the relay's own page, on what is open": {
    areas: ["open", "page"],
    methods,
    headers: { origin: own, "sec-fetch-site": "same-origin" },
    expected: "pass",
  },
  "the relay's own page, opened by another program or with a restored tab": {
    areas: ["page"],
    methods: reading,
    headers: { "sec-fetch-site": "none", "sec-fetch-mode": "navigate" },
    expected: "pass",
  },
  "the relay's own page, prerendered": {
    areas: ["page"],
    methods: reading,
    headers: { "sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-purpose": "prefetch;prerender" },
    expected: "refuse",
  },
  "the relay's own page, linked to or framed by another": {
    areas: ["page"],
    methods,
    headers: { "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" },
    expected: "refuse",
  },
  "the relay's own page, asked for by another origin": {
    areas: ["page"],
    methods,
    headers: { origin: "http://evil.example" },
    expected: "refuse",
  },
  "the relay's own page, signed in, reading its status": {
    areas: ["status"],
    methods: reading,
    headers: { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" },
    hasPageSession: true,
    expected: "pass",
  },
  "the page's cookie on a model route": {
    areas: ["model", "program"],
    methods,
    headers: { "sec-fetch-site": "same-origin" },
    hasPageSession: true,
    expected: "refuse",
  },
  "another port's page with the page's cookie": {
    areas: ["status"],
    methods: reading,
    headers: { "sec-fetch-site": "same-site" },
    hasPageSession: true,
    expected: "refuse",
  },
  "a prerender with the page's cookie": {
    areas: ["status"],
    methods: reading,
    headers: { "sec-fetch-site": "same-origin", "sec-purpose": "prefetch;prerender" },
    hasPageSession: true,
    expected: "refuse",
  },
  "an allowed origin on a model route": {
    areas: ["model"],
    methods,
    headers: { origin: obsidian, "sec-fetch-site": "cross-site" },
    expected: "cors",
  },
  "an allowed origin elsewhere": {
    areas: ["program", "status", "open"],
    methods,
    headers: { origin: obsidian, "sec-fetch-site": "cross-site" },
    hasKeyHeader: true,
    expected: "refuse",
  },
  "an origin that only begins like an allowed one": {
    areas: every,
    methods,
    headers: { origin: `${obsidian}.evil.example` },
    expected: "refuse",
  },
};

for (const [name, row] of Object.entries(rows)) {
  test(`${name}: ${row.expected}`, () => {
    for (const area of row.areas) {
      for (const method of row.methods) {
        const headers = { host, ...row.headers };
        const { kind } = decidePageAccess({
          area,
          method,
          headers,
          hasKeyHeader: row.hasKeyHeader ?? false,
          hasPageSession: row.hasPageSession ?? false,
          allowedOrigins: [obsidian],
        });
        assert.equal(kind, row.expected, `${method} ${area}`);
        // What is decided without a look at the rules passes by the rules too.
        if (!hasBrowserHeader(headers)) assert.equal(kind, "pass", `${method} ${area}`);
      }
    }
  });
}
