// The three client libraries, loaded from the cache: they are no dependencies of ours, so what the cases use of them is described here.

import { createRequire } from "node:module";
import { join } from "node:path";
import { cacheFolder } from "./packages.ts";

export interface RequestOptions {
  signal?: AbortSignal;
  maxRetries?: number;
}

export interface AnthropicClient {
  messages: {
    create(body: Streamed, options?: RequestOptions): Promise<AsyncIterable<ClaudeEvent>>;
    create(body: object, options?: RequestOptions): Promise<ClaudeMessage>;
    stream(body: object, options?: RequestOptions): ClaudeStream;
    countTokens(body: object): Promise<{ input_tokens: number }>;
  };
  models: { list(): AsyncIterable<{ id: string }> };
  beta: { messages: { toolRunner(params: object): AnthropicToolRunner } };
}

export interface AnthropicToolRunner extends PromiseLike<ClaudeMessage> {
  runUntilDone(): Promise<ClaudeMessage>;
}

export type Streamed = object & { stream: true };

export interface ClaudeStream extends AsyncIterable<ClaudeEvent> {
  finalMessage(): Promise<ClaudeMessage>;
  abort(): void;
}

export interface ClaudeEvent {
  type: string;
  delta?: { type: string; text?: string };
}

export interface ClaudeMessage {
  id: string;
  content: { type: string; text?: string; id?: string; name?: string; input?: unknown }[];
  stop_reason: string;
  usage: { input_tokens: number; output_tokens: number };
}

export interface OpenAiClient {
  responses: {
    create(body: Streamed, options?: RequestOptions): Promise<AsyncIterable<ResponseEvent>>;
    create(body: object, options?: RequestOptions): Promise<OpenAiResponse>;
    retrieve(id: string): Promise<{ id: string; status: string }>;
  };
  models: { list(): AsyncIterable<{ id: string }> };
  chat: {
    completions: {
      create(body: Streamed, options?: RequestOptions): Promise<AsyncIterable<Chunk>>;
      create(body: object, options?: RequestOptions): Promise<Completion>;
      parse(body: object): Promise<Completion>;
      stream(body: object, options?: RequestOptions): CompletionStream;
      runTools(body: object, options?: { maxChatCompletions?: number }): ToolRunner;
    };
  };
}

export interface ResponseEvent {
  type: string;
  delta?: string;
}

export interface OpenAiResponse {
  id: string;
  output_text: string;
  output: { type: string; name?: string; call_id?: string; arguments?: string }[];
}

export interface Chunk {
  choices: { delta: { content?: string | null }; finish_reason: string | null }[];
  usage?: CompletionUsage | null;
}

export interface CompletionUsage {
  prompt_tokens: number;
  completion_tokens: number;
  prompt_tokens_details?: { cached_tokens: number };
}

export interface ToolCall {
  id: string;
  type: string;
  function: { name: string; arguments: string };
}

export interface CompletionMessage {
  role: string;
  content: string | null;
  tool_calls?: ToolCall[];
  parsed?: unknown;
}

export interface Completion {
  choices: { message: CompletionMessage; finish_reason: string }[];
  usage: CompletionUsage;
}

export interface CompletionStream extends AsyncIterable<Chunk> {
  finalChatCompletion(): Promise<Completion>;
}

export interface ToolRunner {
  messages: CompletionMessage[];
  finalContent(): Promise<string | null>;
}

export interface GoogleClient {
  models: {
    generateContent(request: object): Promise<GoogleAnswer>;
    generateContentStream(request: object): Promise<AsyncIterable<GoogleAnswer>>;
    countTokens(request: object): Promise<{ totalTokens?: number }>;
    embedContent(request: object): Promise<{ embeddings?: { values?: number[] }[] }>;
    list(): Promise<AsyncIterable<{ name?: string }>>;
  };
}

export interface GoogleAnswer {
  text?: string;
  functionCalls?: { name?: string; args?: unknown }[];
  usageMetadata?: { totalTokenCount?: number };
}

export type Variables = Readonly<Record<string, string>>;

/** Each made as its documentation begins: with no argument, from the environment. */
export const sdks = {
  anthropic: (variables: Variables) =>
    construct("@anthropic-ai/sdk", "Anthropic", variables) as AnthropicClient,
  openai: (variables: Variables) => construct("openai", "OpenAI", variables) as OpenAiClient,
  google: (variables: Variables) => construct("@google/genai", "GoogleGenAI", variables) as GoogleClient,
};

function construct(name: string, className: string, variables: Variables): unknown {
  const load = createRequire(join(cacheFolder(), "sdk", "package.json"));
  const classes = load(name) as Record<string, new (options: object) => unknown>;
  const Client = classes[className];
  if (!Client) throw new Error(`${name} has no ${className}`);
  return withOnly(variables, () => new Client({}));
}

const ownVariable = /^(ANTHROPIC|OPENAI|GOOGLE|GEMINI)_/;

/** Nothing that the person at this machine has set for these libraries may count. */
function withOnly<T>(variables: Variables, work: () => T): T {
  const hidden = Object.entries(process.env).filter(([name]) => ownVariable.test(name));
  for (const [name] of hidden) delete process.env[name];
  Object.assign(process.env, variables);
  try {
    return work();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
    Object.assign(process.env, Object.fromEntries(hidden));
  }
}

/** What an error of these libraries says to the program that catches it. */
export interface SeenError {
  class: string;
  status: unknown;
  type: unknown;
  code: unknown;
  param: unknown;
  message: string;
}

/** Waits for the rejection; fails when there is none. */
export async function errorOf(work: Promise<unknown>): Promise<SeenError> {
  try {
    await work;
  } catch (error) {
    const { status, type, code, param } = error as Record<string, unknown>;
    const name = (error as object).constructor.name;
    return { class: name, status, type, code, param, message: error instanceof Error ? error.message : "" };
  }
  throw new Error("the request was answered");
}
