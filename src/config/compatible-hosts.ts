// The hosts beside the providers' own that are known to speak their APIs, and what has to be known of each.
//
// By the hosts' documentation, and what their users and other relays report, late in 2026.

export interface CompatibleHost {
  /** How a key is sent; undefined: as the provider whose API it is wants it. `none`: none is needed, and one that is given is sent. */
  auth?: "x-api-key" | "bearer" | "none";
  /** Kinds of content blocks that it answers with an error. */
  refuses?: readonly string[];
  /** In tokens. */
  contextWindow?: number;
}

/** Undefined for a provider's own host, and for every host that is not known: a mirror, a company's gateway. */
export function findCompatibleHost(apiUrl: string): CompatibleHost | undefined {
  const { hostname, host } = new URL(apiUrl);
  return compatibleHosts.find(({ pattern }) => pattern.test(hostname) || pattern.test(host))?.host;
}

const textOnly = ["image", "document", "search_result", "tool_reference", "server_tools"] as const;

const compatibleHosts: readonly { pattern: RegExp; host: CompatibleHost }[] = [
  // Z.ai (GLM)
  { pattern: /^(?:api\.z\.ai|open\.bigmodel\.cn)$/, host: { contextWindow: 200_000 } },
  // Moonshot (Kimi), and its plan for programmers
  {
    pattern: /^api\.moonshot\.(?:ai|cn)$/,
    host: { refuses: ["tool_reference"], contextWindow: 200_000 },
  },
  { pattern: /^api\.kimi\.com$/, host: { refuses: ["tool_reference"], contextWindow: 200_000 } },
  { pattern: /^api\.deepseek\.com$/, host: { refuses: textOnly } },
  { pattern: /^api\.minimaxi?\.(?:io|com)$/, host: { contextWindow: 200_000 } },
  // Alibaba Model Studio, its regions and its plan
  { pattern: /(?:^|\.)(?:dashscope|dashscope-intl|maas)\.aliyuncs\.com$/, host: {} },
  // An x-api-key beside the bearer token is an error there.
  { pattern: /(?:^|\.)openrouter\.ai$/, host: { auth: "bearer" } },
  { pattern: /^ai-gateway\.vercel\.sh$/, host: {} },
  { pattern: /^ollama\.com$/, host: { auth: "bearer" } },
  { pattern: /^api\.(?:groq\.com|mistral\.ai|together\.(?:ai|xyz))$/, host: { auth: "bearer" } },
  { pattern: /^(?:us\.)?api\.x\.ai$/, host: { auth: "bearer" } },
  // By their usual ports: Ollama, LM Studio.
  { pattern: /:(?:11434|1234)$/, host: { auth: "none" } },
];
