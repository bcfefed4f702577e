// The part of undici that the relay uses. The bundle takes it from single files in place of the index: see bin/undici-files.mts.

import undici from "undici";

export const core: Pick<typeof undici, "Agent" | "Client" | "Pool" | "buildConnector"> = undici;
