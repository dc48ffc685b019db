/** One HTTP request with the caller's token, and the errors of gateway and API in one shape. */

export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    message: string,
    /** HTTP status; 0 when there was no answer. */
    readonly status: number,
    readonly code: string | null = null,
    readonly requestId: string | null = null,
    /** The answer's body as it came; empty when there was no answer. */
    readonly body = "",
  ) {
    super(message);
  }
}

/** Codes of errors of the connection: there was no answer, or it broke off. */
const UNREACHABLE = "Unreachable";
const INTERRUPTED = "Interrupted";

export function interruption(): ApiError {
  return new ApiError("The connection was interrupted before the end of the response.", 0, INTERRUPTED);
}

/** Whether the connection failed, rather than what it leads to. */
export function isConnectionError(error: unknown): boolean {
  return error instanceof ApiError && (error.code === UNREACHABLE || error.code === INTERRUPTED);
}

export interface RequestOptions {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, in place of a body. */
  text?: string;
  signal?: AbortSignal | undefined;
  /** Sent even when the page goes away meanwhile; browsers allow it for KEEPALIVE_LIMIT bytes of bodies at a time. */
  keepalive?: boolean;
}

/** Bytes of the bodies of all keepalive requests under way (Fetch standard, "HTTP-network-or-cache fetch"). */
export const KEEPALIVE_LIMIT = 64 * 1024;

/** What sends a request as the caller. */
export type Send = (url: string, options?: RequestOptions) => Promise<Response>;

export function createSend(token: string | undefined): Send {
  return async (url, { method = "GET", body, text, signal, keepalive = false } = {}) => {
    const headers = new Headers();
    if (token !== undefined) headers.set("Authorization", `Bearer ${token}`);
    if (text !== undefined) headers.set("Content-Type", "text/plain");
    if (body !== undefined) headers.set("Content-Type", "application/json");
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers,
        body: text ?? (body === undefined ? null : JSON.stringify(body)),
        signal: signal ?? null,
        keepalive,
      });
    } catch (error) {
      if (isAbort(error)) throw error;
      throw new ApiError(`${new URL(url).host} is unreachable. Check the connection and try again.`, 0, UNREACHABLE);
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  };
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Whether the same request may succeed later: no answer, too many requests, or an error of the server. */
export function isPassing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
}

/** A sentence for people, of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "An error occurred.";
}

async function errorOf(response: Response): Promise<ApiError> {
  const requestId = response.headers.get("X-Request-ID");
  const body = await response.text();
  const { message, code } = readError(body);
  const said = code !== null && ROUTERS_CODES.has(code) ? null : message;
  return new ApiError(said ?? statusSentence(response.status), response.status, code, requestId, body);
}

/** Reads `{message, code}` of the API and `{error: {message, code}}` of the gateway. */
export function readError(body: string): { message: string | null; code: string | null } {
  try {
    const parsed = JSON.parse(body) as Record<string, unknown>;
    const nested = parsed["error"];
    const found = typeof nested === "object" && nested !== null ? (nested as Record<string, unknown>) : parsed;
    const { message, code } = found;
    return {
      message: typeof message === "string" && message !== "" ? message : null,
      code: typeof code === "string" ? code : null,
    };
  } catch {
    return { message: null, code: null };
  }
}

/** Codes of API Gateway's own refusals, whose messages tell a person nothing. */
const ROUTERS_CODES = new Set(["ACCESS_DENIED", "EXPIRED_TOKEN", "MISSING_AUTHENTICATION_TOKEN", "UNAUTHORIZED"]);

function statusSentence(status: number): string {
  switch (status) {
    case 401:
      return "Your session has ended. Sign in again.";
    case 403:
      return "You do not have permission to do this.";
    case 404:
      return "The item no longer exists.";
    case 413:
      return "The content is too large.";
    case 429:
      return "Too many requests. Wait a moment and try again.";
    case 504:
      return "The response took too long. Try again.";
    default:
      return `The service returned status ${status}. Try again later.`;
  }
}
