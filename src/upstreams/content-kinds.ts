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
  return refuses.find((kind) => (typesOf[kind] ?? [kind]).some((type) => holdsType(body, type)));
}

/** In a text the quotes are escaped, so that nothing in it is taken for a block. */
function holdsType(body: Buffer, type: string): boolean {
  const value = type.endsWith("*") ? `"${type.slice(0, -1)}` : `"${type}"`;
  return body.includes(`"type":${value}`) || body.includes(`"type": ${value}`);
}
