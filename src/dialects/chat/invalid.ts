// The error for a chat request that cannot be read or has no counterpart in Claude's API.

import { RelayError } from "../../domain/errors.ts";

/** `unsupported_content` is OpenAI-style for a content part the model has no way to take. */
export type InvalidCode = "unsupported_content" | "unsupported_value" | "unsupported_parameter";

/** A 400 that names the parameter at fault; `apiCode` becomes `error.code`. */
export class InvalidChatRequest extends RelayError {
  readonly apiCode: InvalidCode | undefined;

  /** @param message what is wrong with the parameter; its name is put in front. Without a parameter: a whole sentence. */
  constructor(param: string | undefined, message: string, apiCode?: InvalidCode) {
    super("invalid_request", param === undefined ? message : `${param}: ${message}`, { param });
    this.apiCode = apiCode;
  }

  /** One whose message is written already. */
  static ofText(
    message: string,
    { param, apiCode }: { param: string | undefined; apiCode: InvalidCode | undefined },
  ): InvalidChatRequest {
    const prefix = param === undefined ? "" : `${param}: `;
    return new InvalidChatRequest(param, message.slice(prefix.length), apiCode);
  }
}

/** A value of the request as it may be quoted in a message: one line, short, quoted. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? value : kindOf(value);
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return typeof value === "string" ? JSON.stringify(short) : short;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  return String(value);
}
