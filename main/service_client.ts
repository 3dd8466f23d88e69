/** Asks a service over HTTP. */
import { problemSchema } from "../routes/problem.ts";

/** A service refuses, or does not answer. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  constructor(
    message: string,
    /** Absent where there was no answer. */
    readonly status?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** How to ask. */
export interface Ask {
  readonly method?: "GET" | "POST" | "DELETE";
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Asks for a path. @throws ServiceError; the signal's reason where it is aborted */
export type AskService = (path: string, ask?: Ask) => Promise<Response>;

/** @param token sent as Bearer, where there is one */
export const serviceAt =
  (url: string, token: string | undefined, signal: AbortSignal): AskService =>
  async (path, { method = "GET", body, headers = {} } = {}) => {
    const answer = await fetch(`${url.replace(/\/$/, "")}${path}`, {
      method,
      headers: {
        ...(token && { Authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    }).catch((error) => {
      signal.throwIfAborted();
      throw new ServiceError(`${url} does not answer: ${error.message}`, undefined, { cause: error });
    });
    if (answer.ok) return answer;
    const problem = problemSchema.safeParse(await answer.json().catch(() => undefined));
    const words = problem.success ? `${problem.data.title}: ${problem.data.detail}` : `${url} answers ${answer.status}`;
    throw new ServiceError(words, answer.status);
  };
