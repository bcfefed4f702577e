// Finds the Google Cloud project of a new Gemini login. Google's refusals show here, before the account is written.

import type { Dispatcher } from "undici";
import { UserError } from "../../domain/errors.ts";
import { providerUrls } from "../../domain/family.ts";
import type { LoginExtras } from "../../domain/token-store.ts";
import { findProject, type ProjectResult } from "../../oauth/gemini-project.ts";
import type { Login } from "../../oauth/login.ts";
import { sign } from "../../terminal/style.ts";
import { unlessAborted } from "../../time/abort.ts";
import type { CommandContext } from "../context.ts";
import { findProjectFault } from "./options.ts";
import type { AccountPlan } from "./plan.ts";

export interface ProjectRequest {
  plan: AccountPlan;
  login: Login;
  /** Of the command line. */
  given: string | undefined;
  dispatcher: Dispatcher;
  signal: AbortSignal;
}

export interface LoginProject {
  /** Kept with the login. Undefined: searched for at first use. */
  found: LoginExtras | undefined;
  /** What the account needs in the file, because Google does not name it by itself. */
  configured: LoginExtras | undefined;
}

/** Throws a UserError when Google does not serve this login. */
export async function findLoginProject(
  context: CommandContext,
  request: ProjectRequest,
): Promise<LoginProject> {
  const { plan, login, given } = request;
  const { stderr } = context.out;
  const accessToken = login.accessToken;
  if (accessToken === undefined) return { found: undefined, configured: asExtras(given) };
  if (stderr.isTerminal) stderr.write("Looking for the Google Cloud project of this login ...\n");
  const known = plan.existing?.extras?.project;
  let configured = given ?? known ?? readVariable(context);
  for (;;) {
    const result = await search({ ...request, accessToken, configured });
    if (result.ok) {
      const isNew = result.project === configured && configured !== known;
      return { found: asExtras(result.project), configured: asExtras(isNew ? configured : undefined) };
    }
    if (result.needsProject && configured === undefined) {
      configured = await askProject(context);
    } else if (result.kind === "refused" || result.kind === "unauthorized") {
      throw refused(result.detail);
    } else {
      stderr.write(`${sign("warn", stderr)} the project is not known yet: ${result.detail}\n`);
      return { found: undefined, configured: asExtras(given) };
    }
  }
}

function asExtras(project: string | undefined): LoginExtras | undefined {
  return project === undefined ? undefined : { project };
}

/** The variables that Gemini CLI reads its project from. */
function readVariable({ env }: CommandContext): string | undefined {
  const value = (env.GOOGLE_CLOUD_PROJECT || env.GOOGLE_CLOUD_PROJECT_ID)?.trim();
  return value && findProjectFault(value) === undefined ? value : undefined;
}

/** Google's sign-up can take minutes, and the person may cancel the wait. */
async function search({
  plan,
  accessToken,
  configured,
  dispatcher,
  signal,
}: ProjectRequest & { accessToken: string; configured: string | undefined }): Promise<ProjectResult> {
  const { existing } = plan;
  const apiUrl = existing?.kind.login?.extras === undefined ? providerUrls.codeAssist : existing.apiUrl;
  const found = findProject({ apiUrl, accessToken, configured, dispatcher });
  if (await unlessAborted(found, signal)) return found;
  throw new UserError("the login was cancelled", { exitCode: 2 });
}

async function askProject({ prompts, out }: CommandContext): Promise<string> {
  const why = "Google wants a Cloud project of your own for this login";
  if (!prompts.available) {
    throw new UserError(why, {
      fix: "name it with --project PROJECT-ID, or in the variable GOOGLE_CLOUD_PROJECT",
      exitCode: 2,
    });
  }
  out.stderr.write(`${sign("warn", out.stderr)} ${why}\n`);
  return prompts.text({
    message: "Id of the project",
    placeholder: "my-project-1",
    validate(text) {
      const fault = findProjectFault(text);
      return fault && `It ${fault}`;
    },
  });
}

function refused(detail: string): UserError {
  return new UserError(`Google does not serve this login with Code Assist\n${detail}`, {
    fix: {
      instruction: "an API key works instead; to add one, run:",
      command: "cc-relay login gemini --api-key",
    },
  });
}
