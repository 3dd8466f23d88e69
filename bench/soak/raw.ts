/** Clients that speak HTTP as they like: slowly, halfway, or not at all. */

/** A connection, whose pace is the caller's. */
export interface RawClient {
  say(text: string): Promise<void>;
  /** At most so many bytes; nothing where the other end has closed. */
  hear(most: number): Promise<Uint8Array | undefined>;
  leave(): void;
}

/** Connects to the host of a URL. @throws Error where nobody listens */
export async function connect(url: string): Promise<RawClient> {
  const { hostname, port } = new URL(url), conn = await Deno.connect({ hostname, port: Number(port) });
  const encoder = new TextEncoder();
  return {
    async say(text) {
      let bytes = encoder.encode(text);
      while (bytes.length > 0) bytes = bytes.subarray(await conn.write(bytes));
    },
    async hear(most) {
      const buffer = new Uint8Array(most), length = await conn.read(buffer);
      return length === null ? undefined : buffer.subarray(0, length);
    },
    leave() {
      try {
        conn.close();
      } catch { /* it is closed */ }
    },
  };
}

/** Head and body of a request of POST /generate. */
export function postText(
  body: unknown,
  accept: string,
  address: string,
): { readonly head: string; readonly body: string } {
  const text = JSON.stringify(body),
    headers = {
      Host: "soak",
      Accept: accept,
      "Accept-Encoding": "identity",
      "Content-Type": "application/json",
      "Content-Length": String(new TextEncoder().encode(text).length),
      "X-Forwarded-For": address,
      Connection: "close",
    };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return { head: `POST /generate HTTP/1.1\r\n${lines}\r\n`, body: text };
}

/** An answer whose connection has been closed. */
export interface RawAnswer {
  readonly status: number;
  readonly body: string;
  /** Whether the body has come to its end. */
  readonly whole: boolean;
}

/** Reads the text of an answer with a length or in chunks (RFC 9112). Undefined where not even its head is there. */
export function parseAnswer(bytes: Uint8Array): RawAnswer | undefined {
  const latin = new TextDecoder("latin1").decode(bytes), end = latin.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = latin.slice(0, end),
    status = Number(head.match(/^HTTP\/1\.1 (\d{3})/)?.[1]),
    decoder = new TextDecoder();
  const length = head.match(/^content-length: *(\d+)/im)?.[1];
  if (length !== undefined) {
    const body = bytes.subarray(end + 4, end + 4 + Number(length));
    return { status, body: decoder.decode(body), whole: body.length === Number(length) };
  }
  let body = "", at = end + 4;
  for (;;) {
    const line = latin.indexOf("\r\n", at), size = line < 0 ? NaN : parseInt(latin.slice(at, line), 16);
    if (Number.isNaN(size)) return { status, body, whole: false };
    if (size === 0) return { status, body: body + decoder.decode(), whole: latin.startsWith("\r\n", line + 2) };
    const piece = bytes.subarray(line + 2, line + 2 + size);
    body += decoder.decode(piece, { stream: true });
    if (piece.length < size) return { status, body, whole: false };
    at = line + 2 + size + 2;
  }
}

/** The pieces as one. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) all.set(piece, at), at += piece.length;
  return all;
}
