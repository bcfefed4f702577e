// Images and files of a chat message as Claude's image and document blocks. URLs are passed on, never fetched: a relay that
// fetches what a request names can be sent to addresses that only it can reach.

import { InvalidChatRequest, shown } from "../invalid.ts";
import type { Block } from "./blocks.ts";

/** @param param where the part stands, for the error. */
export function imageFromUrl(url: string, param: string): Block {
  if (isDataUrl(url)) return imageBlock(readDataUrl(url, param), param);
  if (!isWebUrl(url)) throw unsupported(param, "an image must be a data URL or an http(s) URL.");
  return { type: "image", source: { type: "url", url } };
}

export interface ChatFile {
  /** A data URL, or bare base64 whose kind the file's name tells. */
  data: string;
  filename: string | undefined;
}

export function documentFromFile(file: ChatFile, param: string): Block {
  const content = isDataUrl(file.data)
    ? readDataUrl(file.data, param)
    : { mediaType: mediaTypeOfName(file.filename, param), base64: true, data: file.data };
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
  /** Lower case, without parameters. */
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
]);

function imageBlock(content: Content, param: string): Block {
  const mediaType = imageTypes.get(content.mediaType);
  if (mediaType === undefined) {
    throw unsupported(
      param,
      `an image must be jpeg, png, gif or webp; this one is ${shown(content.mediaType)}.`,
    );
  }
  return { type: "image", source: { type: "base64", media_type: mediaType, data: base64Of(content, param) } };
}

function isDataUrl(url: string): boolean {
  return url.slice(0, 5).toLowerCase() === "data:";
}

function isWebUrl(url: string): boolean {
  if (!/^https?:\/\//i.test(url)) return false;
  return URL.canParse(url);
}

/** RFC 2397. Cut with indexOf: a pattern over ten megabytes of base64 can exhaust the matcher's stack. */
function readDataUrl(url: string, param: string): Content {
  const comma = url.indexOf(",");
  // A media type with its parameters is short; a comma further on belongs to something that is no data URL.
  if (comma === -1 || comma > 1000) throw unsupported(param, "the data URL has no comma before its data.");
  const [mediaType = "", ...parameters] = url.slice(5, comma).split(";");
  return {
    mediaType: mediaType.trim().toLowerCase() || "text/plain",
    base64: parameters.some((parameter) => parameter.trim().toLowerCase() === "base64"),
    data: url.slice(comma + 1),
  };
}

function mediaTypeOfName(filename: string | undefined, param: string): string {
  const extension = filename?.slice(filename.lastIndexOf(".") + 1).toLowerCase();
  const mediaType = extension === undefined ? undefined : typesByExtension.get(extension);
  if (mediaType !== undefined) return mediaType;
  throw unsupported(
    param,
    "what kind of file this is cannot be told: send file_data as a data URL, or a filename that ends in .pdf, .txt or the like.",
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
