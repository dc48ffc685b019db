/** The settings that env.js, which the deployment writes, puts into `window.env`. */

export type ModelType = "textgen" | "embedding";

/** A model of the compiled configuration. */
export interface ConfiguredModel {
  id: string;
  type: ModelType;
  /** Whether it can answer piece by piece; never for an embedding model. */
  streaming: boolean;
}

export interface Banner {
  text: string;
  backgroundColor: string;
  fontColor: string;
}

export interface Environment {
  /** Address of the OpenID provider; empty where nobody signs in. */
  authority: string;
  clientId: string;
  /** Scopes asked for besides openid, profile and email. */
  scopes: string[];
  /** Dot path of the groups in the token, `cognito:groups` or `realm_access.roles`. */
  groupsPath: string;
  adminGroup: string;
  /** Address of the OpenAI-compatible routes, without a slash at its end. */
  gatewayUrl: string;
  /** Address of the session, repository and models API, without a slash at its end. */
  apiUrl: string;
  sessionUrl: string;
  ragEnabled: boolean;
  banner: Banner | null;
  models: ConfiguredModel[];
}

/**
 * Read `window.env`.
 *
 * @throws Error naming the setting that is missing; the application cannot start without it.
 */
export function readEnvironment(source: unknown): Environment {
  if (typeof source !== "object" || source === null) {
    throw new Error("env.js is missing next to index.html. Deploy the ui stack again.");
  }
  const values = source as Record<string, unknown>;
  const apiUrl = address(values, "API_BASE_URL", "SESSION_REST_API_URI");
  return {
    authority: text(values["AUTHORITY"]),
    clientId: text(values["CLIENT_ID"]),
    scopes: list(values["CUSTOM_SCOPES"]).filter((scope) => typeof scope === "string"),
    groupsPath: text(values["JWT_GROUPS_PROP"]),
    adminGroup: text(values["ADMIN_GROUP"]),
    gatewayUrl: `${address(values, "RESTAPI_URI")}/${text(values["RESTAPI_VERSION"]) || "v2"}/serve`,
    apiUrl,
    sessionUrl: address(values, "SESSION_REST_API_URI", "API_BASE_URL"),
    ragEnabled: values["RAG_ENABLED"] === true,
    banner: banner(values["SYSTEM_BANNER"]),
    models: list(values["MODELS"]).flatMap(model),
  };
}

function address(values: Record<string, unknown>, ...names: string[]): string {
  const found = names.map((name) => text(values[name])).find((value) => value !== "" && !value.includes("${"));
  if (found === undefined) throw new Error(`env.js does not contain ${names[0] ?? "an address"}.`);
  return found.replace(/\/+$/, "");
}

function banner(value: unknown): Banner | null {
  if (typeof value !== "object" || value === null) return null;
  const { text: words, backgroundColor, fontColor } = value as Record<string, unknown>;
  return text(words) === ""
    ? null
    : {
        text: text(words),
        backgroundColor: text(backgroundColor) || "#006400",
        fontColor: text(fontColor) || "#ffffff",
      };
}

function model(value: unknown): ConfiguredModel[] {
  if (typeof value !== "object" || value === null) return [];
  const { model: id, modelType, streaming } = value as Record<string, unknown>;
  return typeof id === "string"
    ? [{ id, type: modelType === "embedding" ? "embedding" : "textgen", streaming: streaming === true }]
    : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
