import assert from "node:assert/strict";
import test from "node:test";
import { InvalidChatRequest } from "../../../src/dialects/chat/invalid.ts";
import { messagesOf, request, toClaude } from "./support.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

function partOf(part: unknown): unknown {
  const [message] = messagesOf([{ role: "user", content: [part] }]) as { content: unknown[] }[];
  return message?.content[0];
}

const image = (url: unknown) => ({ type: "image_url", image_url: { url } });
const file = (fields: object) => ({ type: "file", file: fields });
const imageBlock = (media_type: string, data: string) => ({
  type: "image",
  source: { type: "base64", media_type, data },
});

const good: { title: string; part: unknown; block: unknown }[] = [
  {
    title: "a PNG data URL",
    part: image("data:image/png;base64,iVBORw0="),
    block: imageBlock("image/png", "iVBORw0="),
  },
  {
    title: "a GIF data URL",
    part: image("data:image/gif;base64,R0lG"),
    block: imageBlock("image/gif", "R0lG"),
  },
  {
    title: "a WebP data URL in capitals with a parameter",
    part: image("DATA:IMAGE/WEBP;name=a;BASE64,UklG"),
    block: imageBlock("image/webp", "UklG"),
  },
  {
    title: "blanks in base64",
    part: image("data:image/jpeg;base64,AA AA\r\nBBBB"),
    block: imageBlock("image/jpeg", "AAAABBBB"),
  },
  {
    title: "an image URL, which is passed on and never fetched",
    part: image("https://127.0.0.1:1/secret.png?a=b"),
    block: { type: "image", source: { type: "url", url: "https://127.0.0.1:1/secret.png?a=b" } },
  },
  {
    title: "a detail, which Claude has not",
    part: { type: "image_url", image_url: { url: "http://example.com/a.png", detail: "low" } },
    block: { type: "image", source: { type: "url", url: "http://example.com/a.png" } },
  },
  {
    title: "a URL without the object around it",
    part: { type: "image_url", image_url: "https://example.com/a.png" },
    block: { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
  },
  {
    title: "a PDF as data URL",
    part: file({ file_data: "data:application/pdf;base64,JVBERi0=", filename: "a.pdf" }),
    block: {
      type: "document",
      source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" },
      title: "a.pdf",
    },
  },
  {
    title: "a PDF without a name",
    part: file({ file_data: "data:application/pdf;base64,JVBERi0=" }),
    block: {
      type: "document",
      source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" },
    },
  },
  {
    title: "bare base64 whose name tells the kind",
    part: file({ file_data: "JVBERi0=", filename: "Report.PDF" }),
    block: {
      type: "document",
      source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" },
      title: "Report.PDF",
    },
  },
  {
    title: "a text file",
    part: file({
      file_data: `data:text/csv;charset=utf-8;base64,${base64("a,b\ngrün,2")}`,
      filename: "a.csv",
    }),
    block: {
      type: "document",
      source: { type: "text", media_type: "text/plain", data: "a,b\ngrün,2" },
      title: "a.csv",
    },
  },
  {
    title: "a text file in percent encoding",
    part: file({ file_data: "data:,Hello%2C%20World" }),
    block: { type: "document", source: { type: "text", media_type: "text/plain", data: "Hello, World" } },
  },
  {
    title: "bare base64 of a Markdown file",
    part: file({ file_data: base64("# Hi"), filename: "a.md" }),
    block: {
      type: "document",
      source: { type: "text", media_type: "text/plain", data: "# Hi" },
      title: "a.md",
    },
  },
  {
    title: "an image that comes as a file",
    part: file({ file_data: "data:image/png;base64,iVBORw0=", filename: "a.png" }),
    block: imageBlock("image/png", "iVBORw0="),
  },
];

for (const { title, part, block } of good) {
  test(`${title} is converted`, () => assert.deepEqual(partOf(part), block));
}

test("an image's detail, which Claude has not, is reported unless it is the default", () => {
  const warningsOf = (detail: unknown) => {
    const image_url = { url: "https://example.com/a.png", detail };
    return toClaude(request({ messages: [{ role: "user", content: [{ type: "image_url", image_url }] }] }))
      .warnings;
  };
  assert.deepEqual(warningsOf("low"), ["image_url.detail dropped"]);
  assert.deepEqual(warningsOf("auto"), []);
});

const place = "messages[0].content[0]";
const refused: { title: string; part: unknown; param: string }[] = [
  { title: "another kind of image", part: image("data:image/tiff;base64,AAAA"), param: place },
  { title: "an image that is a text", part: image("data:text/plain;base64,AAAA"), param: place },
  { title: "an image not in base64", part: image("data:image/png,AAAA"), param: place },
  {
    title: "an image of characters that are not base64",
    part: image("data:image/png;base64,A*A"),
    param: place,
  },
  { title: "an image without data", part: image("data:image/png;base64,"), param: place },
  { title: "a data URL without a comma", part: image("data:image/png;base64"), param: place },
  { title: "a file of the machine", part: image("file:///etc/passwd"), param: place },
  { title: "an ftp address", part: image("ftp://example.com/a.png"), param: place },
  { title: "a web address without a host", part: image("https://"), param: place },
  { title: "a relative address", part: image("/a.png"), param: place },
  {
    title: "a file id",
    part: file({ file_id: "file-1" }),
    param: `${place}.file.file_id`,
  },
  { title: "bare base64 without a name", part: file({ file_data: "AAAA" }), param: place },
  {
    title: "bare base64 of an unknown kind",
    part: file({ file_data: "AAAA", filename: "a.docx" }),
    param: place,
  },
  {
    title: "a spreadsheet",
    part: file({ file_data: "data:application/vnd.ms-excel;base64,AAAA" }),
    param: place,
  },
  { title: "an empty text file", part: file({ file_data: "data:text/plain,%20" }), param: place },
  {
    title: "a text that is not UTF-8",
    part: file({ file_data: "data:text/plain;base64,//79" }),
    param: place,
  },
  {
    title: "a text with a broken escape",
    part: file({ file_data: "data:text/plain,%E0%A4%A" }),
    param: place,
  },
];

for (const { title, part, param } of refused) {
  test(`${title} is refused`, () => {
    assert.throws(
      () => partOf(part),
      (error) =>
        error instanceof InvalidChatRequest &&
        error.param === param &&
        error.apiCode === "unsupported_content" &&
        error.message.startsWith(`${param}: `),
    );
  });
}

const malformed: { title: string; part: unknown; param: string }[] = [
  { title: "an image without its object", part: { type: "image_url" }, param: `${place}.image_url` },
  { title: "an image without a URL", part: image(undefined), param: `${place}.image_url.url` },
  { title: "an image whose URL is a number", part: image(7), param: `${place}.image_url.url` },
  { title: "a file without its object", part: { type: "file" }, param: `${place}.file` },
  { title: "a file without data", part: file({ filename: "a.pdf" }), param: `${place}.file.file_data` },
  {
    title: "a file name that is a list",
    part: file({ file_data: "AAAA", filename: [] }),
    param: `${place}.file.filename`,
  },
];

for (const { title, part, param } of malformed) {
  test(`${title} is refused by its name`, () => {
    assert.throws(
      () => partOf(part),
      (error) => error instanceof InvalidChatRequest && error.param === param,
    );
  });
}
