// The page a browser shows at the end of a login. Self-contained: it loads nothing and runs nothing.

import { createHash } from "node:crypto";

export interface CallbackPage {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function callbackPage(status: number, title: string, text: string): CallbackPage {
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
<main><h1>${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p></main>
</html>
`;
  return {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      "cache-control": "no-store",
      // The address holds the code: it must not travel on.
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      connection: "close",
    },
    body,
  };
}

const style =
  "body{font:1rem/1.5 system-ui,sans-serif;display:grid;place-content:center;min-height:90vh;margin:0;padding:1rem}" +
  "main{max-width:32rem}h1{font-size:1.25rem;margin:0}";

const styleHash = createHash("sha256").update(style).digest("base64");

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
