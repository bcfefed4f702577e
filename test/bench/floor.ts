// The least that a pass-through in Node can be: node:http in, undici `request` and `pipeline` out. What the relay is measured against.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { Agent, request as send } from "undici";

const target = process.argv[2]!;
const dispatcher = new Agent({ allowH2: false, headersTimeout: 0, bodyTimeout: 0 });
const hop = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "host",
  "content-length",
  "authorization",
  "x-api-key",
]);

const server = createServer(async (request, response) => {
  try {
    const headers = Object.entries(request.headers).filter(([name]) => !hop.has(name));
    const answer = await send(target + request.url, {
      method: request.method as "POST",
      headers: { ...Object.fromEntries(headers), "x-api-key": "key" } as Record<string, string>,
      body: request,
      dispatcher,
    });
    const kept = Object.entries(answer.headers).filter(([name]) => !hop.has(name));
    response.writeHead(answer.statusCode, Object.fromEntries(kept) as Record<string, string>);
    await pipeline(answer.body, response);
  } catch {
    response.destroy();
  }
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
