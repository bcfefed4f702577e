// Opens an address in the browser of this machine.

import type { Environment } from "../terminal/environment.ts";

/** Whether a browser that is opened here can be seen by the person at the terminal. Over SSH it would be somewhere else, if anywhere. */
export function canShowBrowser(env: Environment, platform: NodeJS.Platform): boolean {
  if (env.SSH_CONNECTION || env.SSH_TTY) return false;
  if (platform === "win32" || platform === "darwin") return true;
  return Boolean(env.DISPLAY || env.WAYLAND_DISPLAY || env.BROWSER || env.WSL_DISTRO_NAME);
}

export async function openBrowser(url: string): Promise<void> {
  const { default: open } = await import("open");
  await open(url);
}
