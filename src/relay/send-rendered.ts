// Sends a short answer that is complete: an error in the form of an API, or a list.

import type { RenderedError } from "../dialects/dialect.ts";
import type { ClientSink } from "./client.ts";

/** What the client is still sending is read and dropped by its sink: closing under it would take this answer away too. */
export function sendRendered(sink: ClientSink, { status, headers, body }: RenderedError): void {
  sink.start({ status, headers: [...headers, "content-length", String(Buffer.byteLength(body))] });
  sink.end(body);
}
