/**
 * The port: connections from their acceptance to their end.
 *
 * `Deno.serve` waits for ever for heads, bodies and readers, and ends the process when it has no descriptor left (Deno 2.9.6; `node:http`
 * then never accepts again). So connections are accepted, counted and timed here, and `node:http` only speaks HTTP over them.
 */
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { Connection } from "./connection.ts";
import { answerOver, type Fetch } from "./node_http.ts";
import { patiently } from "./patiently.ts";

/** How to keep a door. */
export interface DoorOptions {
  /** Undefined: every address of the machine, of IPv6 and IPv4, or of IPv4 alone where there is no IPv6. */
  readonly hostname?: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Most connections at once. */
  readonly maxConnections: number;
  /** Longest wait for the whole head of a request: from the acceptance, or from the end of the answer before. */
  readonly headMs: number;
  /** Longest wait for the whole body of a request, from its head. */
  readonly bodyMs: number;
  /** Longest that a client may take nothing of its answer. */
  readonly writeMs: number;
  readonly onNote?: (level: "debug" | "warn", message: string, fields: Record<string, unknown>) => void;
  /** Hears of each connection that is ended or refused here, by reason. */
  readonly onRefusal?: (reason: DoorRefusal) => void;
}

/**
 * Why a connection is ended that no application hears of: its head, its body or its reading was too slow; what it says is no HTTP, or its head too long;
 * it only waited, and made room for another; there was no room for it; it could not be accepted.
 */
export type DoorRefusal =
  | "slow-head"
  | "slow-body"
  | "slow-reader"
  | "not-http"
  | "head-too-long"
  | "made-room"
  | "too-many-connections"
  | "not-accepted";

/** A port that is listened on. */
export interface Door {
  readonly hostname: string;
  readonly port: number;
  /** Connections that are open. */
  readonly connections: number;
  /** Accepts nothing any more, lets go of who waits, and resolves when the requests in flight have been answered. */
  close(): Promise<void>;
  /** Ends all connections, whatever they do. */
  abort(): void;
}

/** What is known of a connection. */
interface Guest {
  /** Requests that are not answered to the end. */
  requests: number;
  /** Of these, those whose bodies are not all there. */
  receiving: number;
  /** Its `bytesRead` when the wait for a head began. */
  heard: number;
  /** When that was, or its last request came. */
  since: number;
  /** Forgets the wait for a head. */
  head?: () => void;
}

/** How long nobody has to make room: what a client that means to ask needs for it. */
const GRACE_MS = 100;

/** Connections that may be on their way out, a refusal still being sent, beside those that are kept: no further one is accepted meanwhile. */
export const LEAVING = 8;

/** How long to wait before the next try, where a connection could not be accepted. */
const RETRY_MS = 50;

/**
 * Listens, and answers with `fetch`.
 *
 * When all places are taken, the connection that has waited longest without a whole request makes room for the next; where each
 * has a request in flight, the next is answered 503 and ended. @throws Deno.errors.AddrInUse
 */
export function openDoor(
  fetch: Fetch,
  { hostname, port, maxConnections, headMs, bodyMs, writeMs, onNote = () => {}, onRefusal = () => {} }: DoorOptions,
): Door {
  const listener = listen(hostname, port), guests = new Map<Connection, Guest>();
  const emptied = Promise.withResolvers<void>();
  let open = true, held = 0, closed = () => {};

  /** Begins the wait for a head; the guests stand in the order in which their waits began. */
  const awaitHead = (connection: Connection, guest: Guest) => {
    guests.delete(connection);
    guests.set(connection, guest);
    guest.heard = connection.bytesRead;
    guest.since = performance.now();
    guest.head = patiently(() => {
      onNote("debug", "no request", { address: connection.remoteAddress });
      // One that is kept alive, or was opened ahead, and says nothing is refused nothing.
      if (connection.bytesRead !== guest.heard) onRefusal("slow-head");
      if (connection.bytesRead === guest.heard) connection.destroy();
      else refuse(connection, 408, `the head of a request must be there within ${headMs / 1000} s`);
    }, headMs);
  };

  const makeRoom = (): boolean => {
    const due = performance.now() - GRACE_MS;
    const [idle] = guests.entries().find(([, one]) => one.requests === one.receiving && one.since <= due) ?? [];
    if (!idle) return false;
    idle.destroy();
    guests.delete(idle);
    onRefusal("made-room");
    return true;
  };

  const greet = (socket: Deno.TcpConn) => {
    const connection = new Connection(socket, writeMs);
    held++;
    connection.once("close", () => {
      held--;
      closed();
    });
    connection.on("error", () => {}); // whoever reads or writes hears of it
    connection.once("stuck", () => onRefusal("slow-reader"));
    if (guests.size >= maxConnections && !makeRoom()) {
      onRefusal("too-many-connections");
      return refuse(connection, 503, `at most ${maxConnections} connections may be open at once`, {
        "Retry-After": "1",
      });
    }
    const guest: Guest = { requests: 0, receiving: 0, heard: 0, since: 0 };
    awaitHead(connection, guest);
    connection.once("close", () => {
      guest.head?.();
      guests.delete(connection);
      if (!open && guests.size === 0) emptied.resolve();
    });
    server.emit("connection", connection);
  };

  const receive = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const connection = incoming.socket as unknown as Connection, guest = guests.get(connection);
    if (!guest) return void connection.destroy();
    guest.head?.();
    guest.requests++;
    guest.receiving++;
    guest.since = performance.now();
    const late = patiently(() => {
      if (incoming.complete) return;
      onNote("debug", "no body", { address: connection.remoteAddress });
      onRefusal("slow-body");
      if (outgoing.headersSent || guest.requests > 1) connection.destroy();
      else refuse(connection, 408, `the body of a request must be there within ${bodyMs / 1000} s`);
    }, bodyMs);
    const received = () => {
      if (incoming.complete) guest.receiving--;
      late();
      incoming.off("end", received).off("close", received);
    };
    incoming.on("end", received).on("close", received);
    outgoing.once("close", () => {
      guest.requests--;
      if (guest.requests === 0 && guests.has(connection)) awaitHead(connection, guest);
    });
    if (!open) outgoing.setHeader("Connection", "close");
    answerOver(incoming, outgoing, fetch, connection.remoteAddress)
      .catch((error) => {
        onNote("warn", "answer", { error: String(error) });
        connection.destroy();
      });
  };

  // Told one second less than it is waited, so that no client sends into a connection that is being closed.
  const server = createServer({ keepAliveTimeout: Math.max(0, headMs - 1000) }, receive);
  // It listens on nothing itself, and would end each connection after one answer.
  Object.defineProperty(server, "listening", { get: () => open });
  server.on("clientError", (error: Error & { code?: string }, socket) => {
    const connection = socket as unknown as Connection, guest = guests.get(connection);
    if (error.code === "ECONNRESET" || !connection.writable || guest?.requests) connection.destroy();
    else if (error.code === "HPE_HEADER_OVERFLOW") {
      onRefusal("head-too-long");
      refuse(connection, 431, "the head of the request is too long");
    } else {
      onRefusal("not-http");
      refuse(connection, 400, `the request is not HTTP/1.1: ${error.message}`);
    }
  });

  const accept = async () => {
    let heard = true;
    while (open) {
      // Each holds a descriptor until it is closed, and a worker that finds none ends the process.
      while (held >= maxConnections + LEAVING) await new Promise<void>((resolve) => closed = resolve);
      try {
        greet(await listener.accept());
        heard = true;
      } catch (error) {
        if (!open) return;
        // Descriptors are what lacks, as a rule: whoever only waits gives one back.
        const made = /^E[MN]FILE$/.test((error as { code?: string }).code ?? "") && makeRoom();
        onRefusal("not-accepted");
        if (heard) onNote("warn", "a connection could not be accepted", { error: String(error) });
        heard = false;
        if (!made) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  };
  accept();

  const { hostname: at, port: taken } = listener.addr as Deno.NetAddr;
  return {
    hostname: at,
    port: taken,
    get connections() {
      return guests.size;
    },
    close() {
      if (open) {
        open = false;
        listener.close();
        for (const [connection, { requests, heard }] of [...guests]) {
          if (requests === 0 && connection.bytesRead === heard) connection.destroy();
        }
        if (guests.size === 0) emptied.resolve();
      }
      return emptied.promise;
    },
    abort() {
      for (const connection of [...guests.keys()]) connection.destroy();
    },
  };
}

function listen(hostname: string | undefined, port: number): Deno.TcpListener {
  if (hostname !== undefined) return Deno.listen({ hostname, port });
  try {
    return Deno.listen({ hostname: "::", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied) throw error;
    return Deno.listen({ hostname: "0.0.0.0", port });
  }
}

/** Says why, as a problem document, and ends the connection; for what no application hears of. */
function refuse(connection: Connection, status: number, detail: string, headers: Record<string, string> = {}): void {
  const title = STATUS_CODES[status], body = JSON.stringify({ title, status, detail });
  const head = {
    ...headers,
    "Content-Type": "application/problem+json",
    "Content-Length": String(new TextEncoder().encode(body).length),
    Connection: "close",
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  connection.write(`HTTP/1.1 ${status} ${title}\r\n${lines}\r\n${body}`);
  connection.destroySoon();
}
