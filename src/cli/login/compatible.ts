// Asks which compatible host an account is for and which of its models serve it: `login --compatible`.

import {
  type CompatibleHost,
  type CompatibleOffer,
  findCompatibleHost,
  findCompatibleOffer,
  offersFor,
} from "../../config/compatible-hosts.ts";
import type { AccountChanges } from "../../config/edit.ts";
import { findModelFault } from "../../config/text-faults.ts";
import { isPlainToElsewhere } from "../../config/url.ts";
import { UserError } from "../../domain/errors.ts";
import type { Family } from "../../domain/family.ts";
import { keyKinds } from "../../upstreams/kinds.ts";
import type { CommandContext } from "../context.ts";
import { checkKeySource, pipeExample } from "./api-key.ts";
import { type CompatibleOptions, findHostUrlFault, type LoginOptions } from "./options.ts";

export interface CompatibleLogin {
  /** As it is written. */
  apiUrl: string;
  /** What a new account of it is called. */
  baseId: string;
  needsKey: boolean;
  /** What the file says of it; null removes what an account had before. */
  settings: AccountChanges;
  /** The rest of a sentence about the account. */
  summary: string;
}

type Auth = NonNullable<CompatibleOptions["auth"]>;

/** Throws the usage error of a command line that would have to ask where nobody is. */
export function checkCompatibleSources(
  context: CommandContext,
  options: LoginOptions & { compatible: CompatibleOptions },
): void {
  const { url, model, auth } = options.compatible;
  if (!context.prompts.available && (url === undefined || model === undefined)) {
    throw new UserError("there is no terminal to ask for the host and its model", {
      fix: { instruction: "name both:", command: pipeExample(options) },
      exitCode: 2,
    });
  }
  const known = auth ?? (url === undefined ? undefined : findCompatibleHost(url)?.auth);
  if (known !== "none") checkKeySource(context, options);
}

/** Undefined without --compatible. Throws a UserError where a question is answered with no. */
export async function chooseCompatibleHost(
  context: CommandContext,
  options: LoginOptions,
): Promise<CompatibleLogin | undefined> {
  const { family, compatible } = options;
  if (compatible === undefined) return undefined;
  const { apiUrl, offer, unsaid } = await chooseAddress(context, options.family, compatible.url);
  const isPlain = isPlainToElsewhere(apiUrl);
  if (isPlain) await confirmPlainHttp(context, options);
  const host = findCompatibleHost(apiUrl);
  const usual = host?.auth ?? usualAuth[family];
  const isKnown = host !== undefined;
  const auth =
    compatible.auth ??
    (isKnown || !context.prompts.available ? usual : await askAuth(context, unsaid?.auth ?? usual));
  const modelMap = await askModels(context, { family, compatible, example: offer?.model });
  return {
    apiUrl,
    baseId: offer?.id ?? "compatible",
    needsKey: auth !== "none",
    settings: {
      api_url: apiUrl,
      insecure_http: isPlain ? true : null,
      auth: auth === usual ? null : auth,
      model_map: modelMap,
      ...(unsaid?.refuses && { refuses: [...unsaid.refuses] }),
    },
    summary: `${Object.values(modelMap).join(" and ")} at ${new URL(apiUrl).host}`,
  };
}

/** How an unknown host is sent a key unless the file says otherwise. */
const usualAuth: Readonly<Record<Family, Auth>> = {
  claude: "x-api-key",
  gemini: "x-api-key",
  openai: "bearer",
};

interface ChosenAddress {
  apiUrl: string;
  offer: CompatibleOffer | undefined;
  /** What is known of a host that is not recognised by its address. */
  unsaid: CompatibleHost | undefined;
}

async function chooseAddress(
  context: CommandContext,
  family: Family,
  given: string | undefined,
): Promise<ChosenAddress> {
  const apiUrl = given ?? (await askUrl(context, family));
  const chosen = given === undefined ? offersFor(family).find(({ url }) => url === apiUrl) : undefined;
  return {
    apiUrl,
    offer: chosen?.offer ?? findCompatibleOffer(apiUrl),
    unsaid: chosen && !chosen.isRecognized ? chosen.host : undefined,
  };
}

async function askUrl({ prompts }: CommandContext, family: Family): Promise<string> {
  const offers = offersFor(family);
  const another = "another address";
  const chosen = await prompts.select<string>({
    message: "Which host is it?",
    options: [
      ...offers.map(({ url, offer }) => ({ value: url, label: offer.title, hint: url })),
      { value: another, label: another, hint: "a region, a company's gateway, another machine" },
    ],
  });
  if (chosen !== another) return chosen;
  const url = await prompts.text({
    message: "Its address, as its guide for Claude Code or Codex gives it",
    placeholder: "https://HOST/PATH",
    validate(text) {
      const fault = findHostUrlFault(text.trim(), family);
      return fault && `It ${fault}`;
    },
  });
  return url.trim();
}

/** Key and prompts can be read by everybody on the way. */
async function confirmPlainHttp({ prompts }: CommandContext, { yes }: LoginOptions): Promise<void> {
  if (yes) return;
  if (!prompts.available) {
    throw new UserError("plain http to another machine sends key and prompts unencrypted", {
      fix: "use https, or add --yes if you trust this network with them",
      exitCode: 2,
    });
  }
  const message = "Plain http sends key and prompts unencrypted through your network. Use it all the same?";
  if (await prompts.confirm({ message })) return;
  throw new UserError("nothing was changed: the address is plain http", { fix: "use https", exitCode: 2 });
}

async function askAuth({ prompts }: CommandContext, usual: Auth): Promise<Auth> {
  const forms: { value: Auth; label: string; hint: string }[] = [
    { value: "x-api-key", label: "x-api-key", hint: "a header of that name" },
    { value: "bearer", label: "bearer", hint: "authorization: Bearer KEY" },
    { value: "none", label: "none", hint: "it needs no key" },
  ];
  // The first one is what Enter chooses.
  const options = forms.toSorted((one, other) => Number(other.value === usual) - Number(one.value === usual));
  return prompts.select<Auth>({ message: "How is the key sent?", options });
}

interface ModelRequest {
  family: Family;
  compatible: CompatibleOptions;
  /** A name of one of the host's models. */
  example: string | undefined;
}

/** The first pattern that matches counts: the one for everything comes last. */
async function askModels(
  { prompts }: CommandContext,
  { family, compatible, example = "MODEL" }: ModelRequest,
): Promise<Record<string, string>> {
  const validate = (text: string) => {
    const fault = findModelFault(text.trim());
    return fault && `It ${fault}`;
  };
  const ask = async (question: { message: string; placeholder?: string; initial?: string }) =>
    (await prompts.text({ ...question, validate })).trim();
  const { model: given, smallModel } = compatible;
  const model =
    given ??
    (await ask({
      message: "Its model that serves every request",
      placeholder: example,
    }));
  const { smallModels } = keyKinds[family];
  const small =
    smallModels && given === undefined && smallModel === undefined
      ? await ask({ message: `Its model for ${smallModels.title}`, initial: model })
      : smallModel;
  if (smallModels === undefined || small === undefined || small === model) return { "*": model };
  return { [smallModels.pattern]: small, "*": model };
}
