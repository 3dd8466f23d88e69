/** Requests to the service: with the token that was typed in, problem documents as errors, answers that come line by line. */

const TOKEN = "molstep-token";

/** The token lives as long as the tab: it is in no address, cookie or permanent storage. */
export const token = {
  get: () => sessionStorage.getItem(TOKEN) ?? "",
  /** @param {string} value */
  set(value) {
    if (value === "") sessionStorage.removeItem(TOKEN);
    else sessionStorage.setItem(TOKEN, value);
  },
};

/** What the service answers where it does not do what was asked (RFC 9457). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {{title?: string, detail?: string, errors?: {path?: string, message?: string}[]}} body
   */
  constructor(status, body) {
    super(body.detail ?? body.title ?? `the service answered ${status}`);
    this.status = status;
    this.title = body.title ?? `Status ${status}`;
  }
}

/** An address below that of the page, wherever a proxy has put it. */
const at = (/** @type {string} */ path) => new URL(path.replace(/^\//, ""), document.baseURI);

/**
 * @param {string} path
 * @param {{method?: string, body?: unknown, accept?: string, signal?: AbortSignal, headers?: Record<string, string>, fresh?: boolean}} [options]
 * @throws {Problem} where the service refuses
 */
export async function ask(path, { method = "GET", body, accept = "application/json", signal, headers, fresh } = {}) {
  const shown = token.get();
  const response = await fetch(at(path), {
    method,
    signal,
    cache: fresh ? "no-cache" : "default",
    headers: {
      Accept: accept,
      ...(shown && { Authorization: `Bearer ${shown}` }),
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.ok) return response;
  const text = await response.text();
  let told = {};
  try {
    told = JSON.parse(text);
  } catch {
    told = { detail: text.slice(0, 300) || undefined };
  }
  throw new Problem(response.status, told);
}

/**
 * @param {string} path
 * @param {Parameters<typeof ask>[1]} [options]
 * @returns {Promise<any>}
 */
export const askJson = async (path, options) => (await ask(path, options)).json();

/**
 * Lines of a body as they come.
 *
 * @param {Response} response
 */
async function* linesOf(response) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader(), decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = rest.split("\n");
      rest = /** @type {string} */ (lines.pop());
      yield* lines;
      if (!done) continue;
      if (rest !== "") yield rest;
      return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * Objects of an NDJSON answer as they come.
 *
 * @param {Response} response
 * @returns {AsyncGenerator<any, void, void>}
 */
export async function* records(response) {
  for await (const line of linesOf(response)) if (line !== "") yield JSON.parse(line);
}

const wait = (/** @type {number} */ ms, /** @type {AbortSignal} */ signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });

/**
 * Server-sent events by fetch, as an EventSource can send no token: data of each event, from the first on. Comes again after a break, until the service says
 * that there is nothing more.
 *
 * @param {string} path
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<any, void, void>}
 */
export async function* events(path, signal) {
  let last = "", retry = 2000;
  for (;;) {
    try {
      const headers = last === "" ? {} : { "Last-Event-ID": last };
      const response = await ask(path, { accept: "text/event-stream", signal, headers: /** @type {any} */ (headers) });
      if (response.status === 204) return;
      let data = [], id = "";
      for await (const line of linesOf(response)) {
        const [, field, value] = /^([^:]*):? ?(.*?)\r?$/.exec(line) ?? [];
        if (line === "" || line === "\r") {
          if (data.length > 0) {
            yield JSON.parse(data.join("\n"));
            last = id;
          }
          data = [];
        } else if (field === "data") data.push(value);
        else if (field === "id") id = value;
        else if (field === "retry") retry = Number(value) || retry;
      }
    } catch (error) {
      if (signal.aborted || error instanceof Problem) throw error;
    }
    await wait(retry, signal);
  }
}
