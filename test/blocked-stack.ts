// The stack of a process that is in an endless loop: through its inspector, which has a thread of its own.

import type { ChildProcess } from "node:child_process";

interface Message {
  method?: string;
  params?: {
    scriptId?: string;
    url?: string;
    callFrames?: { functionName: string; location: { scriptId: string; lineNumber: number } }[];
  };
}

/** Undefined when none comes in time. The process needs a piped standard error, and `--inspect-port=0`. */
export async function readBlockedStack(child: ChildProcess, timeoutMs: number): Promise<string | undefined> {
  const signal = AbortSignal.timeout(timeoutMs);
  const expired = new Promise<undefined>((resolve) =>
    signal.addEventListener("abort", () => resolve(undefined)),
  );
  const address = await Promise.race([openInspector(child), expired]);
  return address === undefined ? undefined : await Promise.race([pause(address), expired]);
}

function openInspector(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.stderr?.on("data", (text: Buffer) => {
      const address = /Debugger listening on (ws:\S+)/.exec(String(text))?.[1];
      if (address !== undefined) resolve(address);
    });
    child.kill("SIGUSR1");
  });
}

function pause(address: string): Promise<string> {
  return new Promise((resolve) => {
    const urls = new Map<string | undefined, string | undefined>();
    const socket = new WebSocket(address);
    socket.onopen = () => {
      socket.send(JSON.stringify({ id: 1, method: "Debugger.enable" }));
      socket.send(JSON.stringify({ id: 2, method: "Debugger.pause" }));
    };
    socket.onmessage = ({ data }) => {
      const { method, params } = JSON.parse(String(data)) as Message;
      if (method === "Debugger.scriptParsed") urls.set(params?.scriptId, params?.url);
      if (method !== "Debugger.paused") return;
      const frames = params?.callFrames ?? [];
      const lines = frames.map(
        ({ functionName, location: { scriptId, lineNumber } }) =>
          `    at ${functionName || "<anonymous>"} (${urls.get(scriptId)}:${lineNumber + 1})`,
      );
      socket.close();
      resolve(lines.join("\n"));
    };
  });
}
