// Images and files of a chat message as Claude's image and document blocks. URLs are passed on, never fetched: a relay that
// fetches what a request names can be sent to addresses that only it can reach.

import { InvalidChatRequest, shown } from "../invalid.ts";
import type { Block } from "./blocks.ts";

/** @param param the path of the part, for the error. */
export function imageFromUrl(url: string, param: string): Block {
  if (isDataUrl(url)) return imageBlock(readDataUrl(url, param), param);
  if (!isWebUrl(url)) throw unsupported(param, "an image must be a data URL or an http(s) URL.");
  return { type: "image", source: { type: "url", url } };
}

export interface ChatFile {
  /** A data URL, or bare base64 whose kind follows from the file's name. */
  data: string;
  filename: string | undefined;
}

export function documentFromFile(file: ChatFile, param: string): Block {
  const content = isDataUrl(file.data)
    ? readDataUrl(file.data, param)
    : { mediaType: "application/octet-stream", base64: true, data: file.data };
  content.mediaType = mediaTypeOf(content, file.filename, param);
  if (content.mediaType.startsWith("image/")) return imageBlock(content, param);
  const title = file.filename ? { title: file.filename } : {};
  if (content.mediaType === "application/pdf") {
    const source = { type: "base64", media_type: "application/pdf", data: base64Of(content, param) };
    return { type: "document", source, ...title };
  }
  if (content.mediaType.startsWith("text/")) {
    const source = { type: "text", media_type: "text/plain", data: textOf(content, param) };
    return { type: "document", source, ...title };
  }
  throw unsupported(
    param,
    `a file must be a PDF, a text or an image; this one is ${shown(content.mediaType)}.`,
  );
}

interface Content {
  /** Lower case, without parameters; "" where a data URL names none. */
  mediaType: string;
  base64: boolean;
  data: string;
}

const imageTypes: ReadonlyMap<string, string> = new Map([
  ["image/jpeg", "image/jpeg"],
  ["image/jpg", "image/jpeg"],
  ["image/png", "image/png"],
  ["image/gif", "image/gif"],
  ["image/webp", "image/webp"],
]);

const typesByExtension: ReadonlyMap<string, string> = new Map([
  ["pdf", "application/pdf"],
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["png", "image/png"],
  ["gif", "image/gif"],
  ["webp", "image/webp"],
  ["txt", "text/plain"],
  ["text", "text/plain"],
  ["log", "text/plain"],
  ["md", "text/markdown"],
  ["markdown", "text/markdown"],
  ["csv", "text/csv"],
  ["tsv", "text/tab-separated-values"],
  ["html", "text/html"],
  ["htm", "text/html"],
  ["css", "text/css"],
  ["xml", "text/xml"],
  ...textExtensions().map((extension) => [extension, "text/plain"] as const),
]);

/** What people work on: no media type is agreed on for most of it, so that clients send it as bytes of any kind. */
function textExtensions(): string[] {
  const lists = [
    "json jsonl ndjson yaml yml toml ini cfg conf env properties lock diff patch rst adoc tex bib org srt vtt",
    "js mjs cjs jsx ts mts cts tsx vue svelte astro scss sass less svg graphql gql proto sql prisma",
    "py pyi ipynb rb php pl pm lua r jl m go rs c h cc cpp cxx hpp hh cs fs java kt kts scala groovy gradle swift",
    "dart ex exs erl hs ml clj lisp el vim asm s zig nim v sol sh bash zsh fish ps1 bat cmd mk cmake dockerfile",
    "makefile tf hcl nix bazel gitignore editorconfig",
  ];
  return lists.flatMap((list) => list.split(" "));
}

/** Media types that say no more than "bytes", or name a text in another way than `text/…`. */
const vague = /^(?:application\/(?:octet-stream|binary|x-binary|unknown|download)|binary\/octet-stream|)$/;
const textual =
  /^application\/(?:[\w.+-]+\+(?:json|xml)|(?:x-)?(?:json|ndjson|jsonlines|xml|yaml|toml|javascript|typescript|ecmascript|sh|shellscript|python|sql|httpd-php|tex|latex|graphql|ipynb))$/;

function imageBlock(content: Content, param: string): Block {
  const mediaType = typeOfImageBytes(content) ?? imageTypes.get(content.mediaType);
  if (mediaType === undefined) {
    throw unsupported(
      param,
      `an image must be jpeg, png, gif or webp; this one is ${shown(content.mediaType)}.`,
    );
  }
  return { type: "image", source: { type: "base64", media_type: mediaType, data: base64Of(content, param) } };
}

/** How files of these kinds begin, in base64. Many programs name a picture after what it was before it was converted. */
const beginnings: readonly (readonly [beginning: RegExp, mediaType: string])[] = [
  [/^iVBORw0KGgo/, "image/png"],
  [/^\/9j\//, "image/jpeg"],
  [/^R0lGOD/, "image/gif"],
  [/^UklGR[\w+/]{6}XRUJQ/, "image/webp"],
  [/^JVBERi/, "application/pdf"],
];

function typeOfBytes({ base64, data }: Content): string | undefined {
  if (!base64) return undefined;
  const start = data.slice(0, 100).replace(/\s+/g, "");
  return beginnings.find(([beginning]) => beginning.test(start))?.[1];
}

function typeOfImageBytes(content: Content): string | undefined {
  const mediaType = typeOfBytes(content);
  return mediaType?.startsWith("image/") ? mediaType : undefined;
}

function isDataUrl(url: string): boolean {
  return url.slice(0, 5).toLowerCase() === "data:";
}

function isWebUrl(url: string): boolean {
  if (!/^https?:\/\//i.test(url)) return false;
  return URL.canParse(url);
}

/** RFC 2397. Split with indexOf: a pattern over ten megabytes of base64 can exhaust the matcher's stack. */
function readDataUrl(url: string, param: string): Content {
  const comma = url.indexOf(",");
  // A media type with its parameters is short; a comma further on belongs to something that is no data URL.
  if (comma === -1 || comma > 1000) throw unsupported(param, "the data URL has no comma before its data.");
  const [mediaType = "", ...parameters] = url.slice(5, comma).split(";");
  return {
    mediaType: mediaType.trim().toLowerCase(),
    base64: parameters.some((parameter) => parameter.trim().toLowerCase() === "base64"),
    data: url.slice(comma + 1),
  };
}

/** The stated type, unless it says nothing and the file's name or first bytes say more. */
function mediaTypeOf(content: Content, filename: string | undefined, param: string): string {
  const { mediaType } = content;
  if (textual.test(mediaType)) return "text/plain";
  const extension = filename?.slice(filename.lastIndexOf(".") + 1).toLowerCase();
  // TypeScript's extension belongs to a kind of film in the tables that browsers look into.
  const isScript = mediaType === "video/mp2t" || mediaType === "video/vnd.dlna.mpeg-tts";
  if (!vague.test(mediaType) && !isScript) return mediaType;
  const named = extension === undefined ? undefined : typesByExtension.get(extension);
  // A data URL that names no type means plain text (RFC 2397).
  const known = named ?? typeOfBytes(content) ?? (mediaType === "" ? "text/plain" : undefined);
  if (known !== undefined) return known;
  throw unsupported(
    param,
    "the kind of this file is not known: send file_data as a data URL, or a filename that ends in .pdf, .txt or the like.",
  );
}

function base64Of(content: Content, param: string): string {
  if (!content.base64) throw unsupported(param, "the data URL must be in base64.");
  const data = /\s/.test(content.data) ? content.data.replace(/\s+/g, "") : content.data;
  if (data === "" || /[^A-Za-z0-9+/=]/.test(data)) throw unsupported(param, "the data is not base64.");
  return data;
}

function textOf(content: Content, param: string): string {
  const text = content.base64 ? decodeUtf8(base64Of(content, param)) : decodePercent(content.data);
  if (text === undefined) throw unsupported(param, "the text is not UTF-8.");
  if (text.trim() === "") throw unsupported(param, "the file is empty.");
  return text;
}

function decodeUtf8(base64: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(base64, "base64"));
  } catch {
    return undefined;
  }
}

function decodePercent(data: string): string | undefined {
  try {
    return decodeURIComponent(data);
  } catch {
    return undefined;
  }
}

function unsupported(param: string, message: string): InvalidChatRequest {
  return new InvalidChatRequest(param, message, "unsupported_content");
}
