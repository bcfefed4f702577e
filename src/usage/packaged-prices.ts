// The models of @pydantic/genai-prices with their list prices. The bundle has this file's result in its place, without what
// nobody reads of it: a twentieth of the package, whose loading would be a tenth of a second of the first request (bin/bundle.mts).

import { findProvider, type ModelInfo } from "@pydantic/genai-prices";

/** What prices are found by. */
export type PricedEntry = Pick<ModelInfo, "id" | "match" | "prices">;

export function packagedPrices(): PricedEntry[] {
  return ["anthropic", "openai", "google"].flatMap((providerId) =>
    (findProvider({ providerId })?.models ?? []).map(({ id, match, prices }) => ({ id, match, prices })),
  );
}
