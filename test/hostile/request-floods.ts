// Requests made to cost time, of the largest size that is taken, for routes that forward them as they came.

export interface RequestFlood {
  title: string;
  /** In the short form, too. */
  isHeavy?: boolean;
  body(): string;
}

const bytes = 60 * 1024 * 1024;
const filled = (piece: string, length = bytes) => piece.repeat(Math.floor(length / piece.length));
const begin = '{"model":"claude-sonnet-4-5","max_tokens":10';
const talk = (content: string) => `${begin},"messages":[{"role":"user","content":${content}}]}`;

export const requestFloods: readonly RequestFlood[] = [
  { title: "60 MB of text", body: () => talk(`"${filled("x")}"`) },
  { title: "60 MB of backslashes", isHeavy: true, body: () => talk(`"${filled("\\\\")}"`) },
  { title: "60 MB of quotes", body: () => talk(`"${filled('\\"')}"`) },
  { title: "60 MB of empty lists", isHeavy: true, body: () => talk(`[${filled("[],")}1]`) },
  // As much as is just looked at, on every level.
  { title: "400,000 empty lists", isHeavy: true, body: () => talk(`[${"[],".repeat(400_000)}1]`) },
  {
    title: "600,000 empty lists in a block",
    isHeavy: true,
    body: () => talk(`[{"x":[${"[],".repeat(600_000)}1]}]`),
  },
  { title: "two million messages", body: () => `${begin},"messages":[${filled('{"role":"user"},')}1]}` },
  { title: "a name of 60 MB", isHeavy: true, body: () => `{"model":"${filled("x")}","messages":[]}` },
  { title: "60 MB of blanks behind it", isHeavy: true, body: () => `${talk('"q"')}${filled(" ")}` },
  { title: "60 MB of blanks in a list", body: () => talk(`[${filled(" ")}1]`) },
  { title: "60 MB of digits", body: () => talk(filled("1")) },
  { title: "4 million keys in escapes", body: () => `${begin}${filled(',"\\u0061":1')},"messages":[]}` },
];
