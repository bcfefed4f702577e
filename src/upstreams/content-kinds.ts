// The kinds of content that a host may refuse, and how a request's bytes show that they are in it.

/** By the names of the setting `refuses`: the types of blocks and tools in any of the APIs, or how they begin (`*`). */
const typesOf: Readonly<Record<string, readonly string[]>> = {
  image: ["image", "image_url", "input_image"],
  document: ["document", "file", "input_file"],
  search_result: ["search_result"],
  tool_reference: ["tool_reference"],
  server_tools: [
    "server_tool_use",
    "web_search*",
    "web_fetch*",
    "code_execution*",
    "code_interpreter",
    "file_search",
  ],
};

/** The first of the kinds that is in the body. A name without a known type is a type of its own. */
export function findRefusedContent(body: Buffer, refuses: readonly string[]): string | undefined {
  const beginning = body.subarray(0, maxSearchedBytes);
  return refuses.find((kind) => (typesOf[kind] ?? [kind]).some((type) => holdsType(beginning, type)));
}

/** More text than fits into any model's context; each type is a search of its own. */
const maxSearchedBytes = 8 * 1024 * 1024;

/** In a text the quotes are escaped, so that nothing in it is taken for a block. */
function holdsType(body: Buffer, type: string): boolean {
  const value = type.endsWith("*") ? `"${type.slice(0, -1)}` : `"${type}"`;
  return body.includes(`"type":${value}`) || body.includes(`"type": ${value}`);
}
