// The hosts beside the providers' own that are known to speak their APIs, and what has to be known of each.
//
// By the hosts' documentation, and what their users and other relays report, late in 2026.

import type { Family } from "../domain/family.ts";

export interface CompatibleHost {
  /** How a key is sent; undefined: as the provider whose API it is wants it. `none`: none is needed, and one that is given is sent. */
  auth?: "x-api-key" | "bearer" | "none";
  /** Kinds of content blocks that it answers with an error, and `count_tokens` where it does not count. */
  refuses?: readonly string[];
  /** Whose form its errors have, whichever API is called; undefined: the API's own, or not known. Both are read everywhere. */
  errors?: "claude" | "openai";
  /** In tokens. */
  contextWindow?: number;
}

/** An address of such a host as `login --compatible` offers it. */
export interface CompatibleOffer {
  /** What an account of it is called unless it is given another id. */
  id: string;
  /** For people. */
  title: string;
  /** A name of one of its models, as an example. */
  model: string;
  /** The base address of each API that it speaks. */
  urls: Readonly<Partial<Record<Family, string>>>;
}

/** Undefined for a provider's own host, and for every host that is not known: a mirror, a company's gateway. */
export function findCompatibleHost(apiUrl: string): CompatibleHost | undefined {
  return findRow(apiUrl)?.host;
}

/** What is offered of the host of this address; undefined for a host that is not known. */
export function findCompatibleOffer(apiUrl: string): CompatibleOffer | undefined {
  const offers = findRow(apiUrl)?.offers;
  const { host } = new URL(apiUrl);
  const hasHost = ({ urls }: CompatibleOffer) =>
    Object.values(urls).some((url) => new URL(url).host === host);
  return offers?.find(hasHost) ?? offers?.[0];
}

/** Every known address that speaks the API of this family, and what is known of its host. */
export function offersFor(
  family: Family,
): { url: string; offer: CompatibleOffer; host: CompatibleHost; isRecognized: boolean }[] {
  return compatibleHosts.flatMap(({ pattern, host, offers }) =>
    offers.flatMap((offer) => {
      const url = offer.urls[family];
      return url === undefined ? [] : [{ url, offer, host, isRecognized: pattern !== undefined }];
    }),
  );
}

function findRow(apiUrl: string): CompatibleRow | undefined {
  const { hostname, host } = new URL(apiUrl);
  return compatibleHosts.find(({ pattern }) => pattern?.test(hostname) || pattern?.test(host));
}

interface CompatibleRow {
  /** Undefined: an address does not say what runs there, for its port is in common use; an account of it says all by itself. */
  pattern?: RegExp;
  host: CompatibleHost;
  offers: readonly CompatibleOffer[];
}

const textOnly = ["image", "document", "search_result", "tool_reference", "server_tools"] as const;

/** It takes no notice of them, and answers as if they were not there. */
const skippedByOllama = ["document"] as const;

const compatibleHosts: readonly CompatibleRow[] = [
  {
    pattern: /^(?:api\.z\.ai|open\.bigmodel\.cn)$/,
    host: { contextWindow: 200_000, errors: "claude" },
    offers: [
      {
        id: "glm",
        title: "Z.ai (GLM)",
        model: "glm-5.2",
        urls: { claude: "https://api.z.ai/api/anthropic", openai: "https://api.z.ai/api/paas/v4" },
      },
      {
        id: "glm",
        title: "BigModel (GLM, China)",
        model: "glm-5.2",
        urls: { claude: "https://open.bigmodel.cn/api/anthropic" },
      },
    ],
  },
  {
    pattern: /^api\.moonshot\.(?:ai|cn)$/,
    host: { refuses: ["tool_reference"], contextWindow: 200_000, errors: "claude" },
    offers: [
      {
        id: "kimi",
        title: "Moonshot (Kimi)",
        model: "kimi-k2.6",
        urls: { claude: "https://api.moonshot.ai/anthropic", openai: "https://api.moonshot.ai/v1" },
      },
      {
        id: "kimi",
        title: "Moonshot (Kimi, China)",
        model: "kimi-k2.6",
        urls: { claude: "https://api.moonshot.cn/anthropic" },
      },
    ],
  },
  {
    pattern: /^api\.kimi\.com$/,
    host: { refuses: ["tool_reference"], contextWindow: 200_000 },
    offers: [
      {
        id: "kimi-code",
        title: "Kimi Code plan",
        model: "kimi-for-coding",
        urls: { claude: "https://api.kimi.com/coding" },
      },
    ],
  },
  {
    pattern: /^api\.deepseek\.com$/,
    host: { refuses: textOnly, errors: "openai" },
    offers: [
      {
        id: "deepseek",
        title: "DeepSeek",
        model: "deepseek-v4-pro",
        urls: { claude: "https://api.deepseek.com/anthropic", openai: "https://api.deepseek.com/v1" },
      },
    ],
  },
  {
    pattern: /^api\.minimaxi?\.(?:io|com)$/,
    host: { contextWindow: 200_000, errors: "claude" },
    offers: [
      {
        id: "minimax",
        title: "MiniMax",
        model: "MiniMax-M3",
        urls: { claude: "https://api.minimax.io/anthropic", openai: "https://api.minimax.io/v1" },
      },
      {
        id: "minimax",
        title: "MiniMax (China)",
        model: "MiniMax-M3",
        urls: { claude: "https://api.minimaxi.com/anthropic" },
      },
    ],
  },
  {
    // Its regions and its plan have addresses of their own.
    pattern: /(?:^|\.)(?:dashscope|dashscope-intl|maas)\.aliyuncs\.com$/,
    host: {},
    offers: [
      {
        id: "qwen",
        title: "Alibaba Model Studio (Qwen)",
        model: "qwen3.7-max",
        urls: {
          claude: "https://dashscope-intl.aliyuncs.com/apps/anthropic",
          openai: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        },
      },
    ],
  },
  {
    // An x-api-key beside the bearer token is an error there.
    pattern: /(?:^|\.)openrouter\.ai$/,
    host: { auth: "bearer" },
    offers: [
      {
        id: "openrouter",
        title: "OpenRouter",
        model: "z-ai/glm-5.2",
        urls: { claude: "https://openrouter.ai/api", openai: "https://openrouter.ai/api/v1" },
      },
    ],
  },
  {
    pattern: /^ai-gateway\.vercel\.sh$/,
    host: {},
    offers: [
      {
        id: "vercel",
        title: "Vercel AI Gateway",
        model: "zai/glm-5.2",
        urls: { claude: "https://ai-gateway.vercel.sh" },
      },
    ],
  },
  {
    pattern: /^ollama\.com$/,
    host: { auth: "bearer", refuses: skippedByOllama },
    offers: [
      {
        id: "ollama-cloud",
        title: "Ollama, in its cloud",
        model: "glm-5.2:cloud",
        urls: { claude: "https://ollama.com" },
      },
    ],
  },
  {
    pattern: /^api\.groq\.com$/,
    host: { auth: "bearer" },
    offers: [
      {
        id: "groq",
        title: "Groq",
        model: "openai/gpt-oss-120b",
        urls: { openai: "https://api.groq.com/openai/v1" },
      },
    ],
  },
  {
    pattern: /^api\.mistral\.ai$/,
    host: { auth: "bearer" },
    offers: [
      {
        id: "mistral",
        title: "Mistral",
        model: "devstral-latest",
        urls: { openai: "https://api.mistral.ai/v1" },
      },
    ],
  },
  {
    pattern: /^api\.together\.(?:ai|xyz)$/,
    host: { auth: "bearer" },
    offers: [
      {
        id: "together",
        title: "Together",
        model: "openai/gpt-oss-120b",
        urls: { openai: "https://api.together.ai/v1" },
      },
    ],
  },
  {
    pattern: /^(?:us\.)?api\.x\.ai$/,
    host: { auth: "bearer" },
    offers: [{ id: "xai", title: "xAI (Grok)", model: "grok-4", urls: { openai: "https://api.x.ai/v1" } }],
  },
  {
    // By its usual port, wherever it runs; the next one too.
    pattern: /:11434$/,
    host: { auth: "none", refuses: skippedByOllama },
    offers: [
      {
        id: "ollama",
        title: "Ollama, on this machine",
        model: "qwen3-coder",
        urls: { claude: "http://localhost:11434", openai: "http://localhost:11434/v1" },
      },
    ],
  },
  {
    pattern: /:1234$/,
    host: { auth: "none", refuses: ["count_tokens"] },
    offers: [
      {
        id: "lm-studio",
        title: "LM Studio, on this machine",
        model: "qwen/qwen3-coder-30b",
        urls: { claude: "http://localhost:1234", openai: "http://localhost:1234/v1" },
      },
    ],
  },
  {
    host: { auth: "none", refuses: ["document", "search_result", "server_tools"], errors: "claude" },
    offers: [
      {
        id: "vllm",
        title: "vLLM, on this machine",
        model: "qwen3-coder",
        urls: { claude: "http://localhost:8000", openai: "http://localhost:8000/v1" },
      },
    ],
  },
  {
    host: { auth: "none" },
    offers: [
      {
        id: "llama-cpp",
        title: "llama.cpp, on this machine",
        model: "qwen3-coder",
        urls: { claude: "http://localhost:8080", openai: "http://localhost:8080/v1" },
      },
    ],
  },
  {
    host: {},
    offers: [
      {
        id: "litellm",
        title: "LiteLLM, on this machine",
        model: "glm-5.2",
        urls: { claude: "http://localhost:4000" },
      },
    ],
  },
];
