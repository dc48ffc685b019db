import { describe, expect, it } from "vitest";

import { readEnvironment } from "@/shared/environment";

const ENV = {
  AUTHORITY: "https://idp.example",
  CLIENT_ID: "client",
  RESTAPI_URI: "https://gateway.example/",
  RESTAPI_VERSION: "v2",
  API_BASE_URL: "https://api.example/dev",
  MODELS: [
    { model: "a", streaming: true, modelType: "textgen" },
    { model: "b", streaming: null, modelType: "embedding" },
  ],
};

describe("readEnvironment", () => {
  it("reads what the compiler writes", () => {
    const environment = readEnvironment({ ...ENV, SESSION_REST_API_URI: "https://api.example/dev/" });
    expect(environment.gatewayUrl).toBe("https://gateway.example/v2/serve");
    expect(environment.sessionUrl).toBe("https://api.example/dev");
    expect(environment.models).toEqual([
      { id: "a", type: "textgen", streaming: true },
      { id: "b", type: "embedding", streaming: false },
    ]);
    expect(environment.banner).toBeNull();
  });

  it("says that env.js is missing", () => {
    expect(() => readEnvironment(undefined)).toThrow("env.js is missing");
  });

  it("names an address that is missing, or that no deployment has filled in", () => {
    expect(() => readEnvironment({ ...ENV, RESTAPI_URI: undefined })).toThrow("env.js does not contain RESTAPI_URI.");
    expect(() => readEnvironment({ ...ENV, API_BASE_URL: "${ApiUrl}" })).toThrow(
      "env.js does not contain API_BASE_URL.",
    );
  });
});
