// OpenAI's SDKs, and programs that read the same variables.

import type { ClientInfo } from "./client.ts";

export const openaiSdks: ClientInfo = {
  title: "the OpenAI SDKs",
  family: "openai",
  path: "/openai/v1",
  urlVariable: "OPENAI_BASE_URL",
  keyVariable: "OPENAI_API_KEY",
  conflicting: [
    { name: "OPENAI_ORG_ID", effect: "names an organization that the accounts' keys do not belong to" },
    { name: "OPENAI_PROJECT_ID", effect: "names a project that the accounts' keys do not belong to" },
  ],
  servedPaths: ["/openai/v1", "/v1"],
  ownLogin: {
    urlVariable: "OPENAI_BASE_URL",
    // A default header, in the program itself.
    key: undefined,
    others: {},
    replacing: [],
  },
};
