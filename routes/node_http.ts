/** Between `node:http` and an application of requests and responses. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setImmediate } from "node:timers";
import type { Bindings } from "./deps.ts";

/** An application. */
export type Fetch = (request: Request, bindings: Bindings) => Response | Promise<Response>;

/** Answers a request. Its signal is aborted when the connection ends before the answer has. */
export async function answerOver(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fetch: Fetch,
  address: string,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) gone.abort(new DOMException("the client went away", "AbortError"));
  });
  // What the application did not want of the body is passed over, so that the next request can be read.
  outgoing.once("finish", () => incoming.resume());
  incoming.on("error", () => {}); // whoever reads it hears of it
  let request: Request;
  try {
    request = requestOf(incoming, gone.signal);
  } catch (error) {
    const detail = `the request has a malformed target or header: ${(error as Error).message}`;
    const body = JSON.stringify({ title: "Bad Request", status: 400, detail });
    outgoing.writeHead(400, { "Content-Type": "application/problem+json" }).end(body);
    return;
  }
  await send(await fetch(request, { address }), outgoing);
}

/** @throws TypeError for what no request can be made of */
function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", url = "/", rawHeaders, headers: { host = "localhost" } } = incoming;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i], rawHeaders[i + 1]);
  const target = url.startsWith("/") ? `http://${host}${url}` : url === "*" ? `http://${host}/` : url;
  if (method === "GET" || method === "HEAD") {
    incoming.resume(); // none of the service's has a body
    return new Request(target, { method, headers, signal });
  }
  if (method === "TRACE") { // which `Request` does not take, and the application is to refuse
    return Object.defineProperty(new Request(target, { headers, signal }), "method", { value: method });
  }
  // Left as it is by a reader that stops: ended it would take the connection, and the answer, with it.
  const body = ReadableStream.from(incoming.iterator({ destroyOnReturn: false }));
  return new Request(target, { method, headers, signal, body, duplex: "half" } as RequestInit);
}

/** Sends an answer as fast as the client takes it. */
async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  const reader = response.body?.getReader(), leave = () => void reader?.cancel().catch(() => {});
  if (outgoing.destroyed) return leave();
  outgoing.once("close", leave);
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value);
  if (!reader) return void outgoing.end();
  try {
    let piece = await reader.read(), next: typeof second | undefined;
    const second = reader.read();
    second.catch(() => {}); // told below
    // An answer that is all there has a length; one that is yet being made is sent as it comes.
    const whole = await Promise.race([second, soon()]);
    if (whole?.done && !piece.done) outgoing.setHeader("Content-Length", piece.value.length);
    else outgoing.flushHeaders();
    for (next = second; !piece.done; next = undefined) {
      if (!outgoing.write(piece.value)) await drained(outgoing);
      if (outgoing.destroyed) return;
      piece = await (next ?? reader.read());
    }
    outgoing.end();
  } catch {
    outgoing.destroy(); // cut off, so that nobody takes what came for all
  }
}

/** Resolves when what is under way without waiting has been done. */
const soon = () => new Promise<undefined>((resolve) => setImmediate(resolve, undefined));

/** Resolves when there is room again, or nobody to write to. */
const drained = (outgoing: ServerResponse) =>
  new Promise<void>((resolve) => {
    const go = () => {
      outgoing.off("drain", go).off("close", go);
      resolve();
    };
    outgoing.on("drain", go).on("close", go);
  });
