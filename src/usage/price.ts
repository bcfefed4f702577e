// Computes what one request costs by the providers' list prices, in USD.
//
// The table is the one embedded in @pydantic/genai-prices, plus `price-overrides.ts`; nothing is fetched. Its own
// calcPrice takes some 50 µs per call, as much as writing the usage row, and takes `claude-sonnet-5-6` for `claude-sonnet-5`:
// so its entries are read once and matched and multiplied here.

import type { MatchLogic, ModelPrice } from "@pydantic/genai-prices";
import type { Family } from "../domain/family.ts";
import type { TokenCounts } from "./observer.ts";
import { type PricedEntry, packagedPrices } from "./packaged-prices.ts";
import { overrides, searchPrices, tierFactor } from "./price-overrides.ts";

/** One request: price bands depend on the size of its one prompt, so sums of several cannot be priced. */
export interface PricedRequest {
  family: Family;
  model: string;
  tokens: TokenCounts;
  tier: string | undefined;
  webSearches: number;
  /** Epoch ms: prices change by date. */
  time: number;
}

export interface PriceList {
  /** USD by list price; undefined when the model (or its tier) has no known price. Never 0 for an unknown one. */
  priceOf(request: PricedRequest): number | undefined;
}

/** Model ids are far shorter; matching takes time in proportion to the square of the length. */
const maxNameLength = 200;

/** The packaged table by name. It is the same for the whole life of the process, and takes milliseconds to make. */
let table: ReadonlyMap<string, PricedModel> | undefined;

export function createPriceList(): PriceList {
  table ??= indexModels([...overrides, ...packagedPrices()]);
  const known = table;
  const resolved = new Map<string, PricedModel | undefined>();

  function resolve(name: string): PricedModel | undefined {
    if (name.length > maxNameLength) return undefined;
    if (resolved.has(name)) return resolved.get(name);
    // Clients choose the names: without a bound a hostile one could fill the memory.
    if (resolved.size >= 1000) resolved.clear();
    const model = findModel(known, name);
    resolved.set(name, model);
    return model;
  }

  return {
    priceOf(request) {
      const model = resolve(request.model);
      if (model === undefined) return undefined;
      const factor = tierFactor(request.family, request.tier, model.id);
      const rates = ratesAt(model, request.time);
      if (factor === undefined || rates === undefined) return undefined;
      const searchPrice = rates.search ?? searchPrices[request.family];
      return tokenPrice(rates, request.tokens) * factor + (request.webSearches * searchPrice) / 1000;
    },
  };
}

/** Every name a price is known under: as the table spells it, and without its date or `-latest`. */
function indexModels(models: readonly PricedEntry[]): ReadonlyMap<string, PricedModel> {
  const exact = new Map<string, PricedModel>();
  const loose = new Map<string, PricedModel>();
  for (const info of models) {
    const model = { id: baseName(info.id) ?? info.id, rates: datedRates(info) };
    for (const name of [info.id, ...literals(info.match)]) {
      const base = baseName(name);
      if (!exact.has(name)) exact.set(name, model);
      if (base !== undefined && !loose.has(base)) loose.set(base, model);
    }
  }
  return new Map([...loose, ...exact]);
}

/** The whole names and prefixes a match rule spells out; its other clauses match too freely to be trusted with money. */
function literals(match: MatchLogic): string[] {
  if ("or" in match) return match.or.flatMap(literals);
  if ("and" in match) return match.and.flatMap(literals);
  if ("equals" in match) return [match.equals];
  if ("starts_with" in match) return [match.starts_with.replace(/-$/, "")];
  return [];
}

interface PricedModel {
  id: string;
  /** In order of their dates, the first one valid from the beginning. */
  rates: { since: number; rates: Rates | undefined }[];
}

/** USD per million tokens of each kind; undefined rates: billed by something else than tokens. */
interface Rates {
  input: Rate;
  output: Rate;
  write5m: Rate;
  write1h: Rate;
  read: Rate;
  /** USD per 1,000 searches; undefined when the entry names none. */
  search: number | undefined;
}

interface Rate {
  base: number;
  /** A prompt of more than `start` tokens pays `price` for the whole request; ascending. */
  tiers: { start: number; price: number }[];
}

function datedRates(info: PricedEntry): PricedModel["rates"] {
  if (!Array.isArray(info.prices)) return [{ since: Number.NEGATIVE_INFINITY, rates: toRates(info.prices) }];
  return info.prices
    .filter(({ constraint }) => constraint === undefined || constraint.type === "start_date")
    .map(({ constraint, prices }) => ({
      since: constraint?.type === "start_date" ? Date.parse(constraint.start_date) : Number.NEGATIVE_INFINITY,
      rates: toRates(prices),
    }));
}

/** Kinds without a price of their own are billed as the kind they are a part of. */
function toRates(prices: ModelPrice): Rates | undefined {
  const input = toRate(prices.input_mtok);
  if (input === undefined) return undefined;
  const write = toRate(prices.cache_write_mtok) ?? input;
  const search = prices.web_searches_kcount;
  return {
    input,
    output: toRate(prices.output_mtok) ?? { base: 0, tiers: [] },
    write5m: toRate(prices.cache_write_5m_mtok) ?? write,
    write1h: toRate(prices.cache_write_1h_mtok) ?? write,
    read: toRate(prices.cache_read_mtok) ?? input,
    search: typeof search === "number" ? search : undefined,
  };
}

function toRate(price: ModelPrice[string]): Rate | undefined {
  if (price === undefined) return undefined;
  if (typeof price === "number") return { base: price, tiers: [] };
  return { base: price.base, tiers: [...price.tiers].sort((a, b) => a.start - b.start) };
}

/**
 * The exact name, then the name without its decorations, then the longest known name before a `-` and a letter. What
 * goes on with a digit is another model: `claude-opus-4-9` must not get the price of `claude-opus-4`.
 */
function findModel(known: ReadonlyMap<string, PricedModel>, name: string): PricedModel | undefined {
  const plain = withoutProvider(name);
  const exact = known.get(plain);
  if (exact !== undefined) return exact;
  const base = baseName(plain);
  if (base === undefined) return undefined;
  for (let end = base.length; end > 0; end = base.lastIndexOf("-", end - 1)) {
    if (end < base.length && !/^-[a-z]/.test(base.slice(end, end + 2))) continue;
    const model = known.get(base.slice(0, end));
    if (model !== undefined) return model;
  }
  return undefined;
}

function withoutProvider(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/^(?:(?:anthropic|openai|google|models)\/)+/, "");
}

/**
 * The name without `[1m]`, `-latest`, `@…`, a date or Google's `-001`. Undefined for an alias that names no version
 * (`gemini-pro-latest`): the version behind it changes.
 */
function baseName(name: string): string | undefined {
  let base = name;
  for (;;) {
    const shorter = base.replace(/(?:\[1m\]|-latest|@[a-z0-9-]*|-20\d{6}|-20\d{2}-\d{2}-\d{2}|-00\d)$/, "");
    if (shorter === base) break;
    base = shorter;
  }
  return base === "" || (base !== name && !/\d/.test(base)) ? undefined : base;
}

function ratesAt(model: PricedModel, time: number): Rates | undefined {
  return (model.rates.findLast(({ since }) => since <= time) ?? model.rates[0])?.rates;
}

function tokenPrice(rates: Rates, tokens: TokenCounts): number {
  const prompt = tokens.input + tokens.cacheWrite5m + tokens.cacheWrite1h + tokens.cacheRead;
  const usdPerMillions =
    tokens.input * priceAt(rates.input, prompt) +
    tokens.output * priceAt(rates.output, prompt) +
    tokens.cacheWrite5m * priceAt(rates.write5m, prompt) +
    tokens.cacheWrite1h * priceAt(rates.write1h, prompt) +
    tokens.cacheRead * priceAt(rates.read, prompt);
  return usdPerMillions / 1e6;
}

function priceAt(rate: Rate, prompt: number): number {
  let price = rate.base;
  for (const tier of rate.tiers) if (prompt > tier.start) price = tier.price;
  return price;
}
