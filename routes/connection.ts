/** A connection that the door accepted, as a stream that `node:http` speaks HTTP over. */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { plainAddress } from "./clients.ts";
import { patiently } from "./patiently.ts";

/** A piece of what is to be written. */
interface Chunk {
  readonly chunk: Buffer;
}

/** Bytes that are read at once. */
const PIECE = 16_384;

/**
 * A stream over a TCP connection. One that takes nothing of what is written to it for `writeMs` is ended; each byte that it takes
 * counts as progress. It says so before: the event `stuck`.
 */
export class Connection extends Duplex {
  /** Of the other end; IPv4 as such where it came by IPv6's mapping. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Bytes that have come. */
  bytesRead = 0;
  readonly #socket: Deno.TcpConn;
  readonly #writeMs: number;

  constructor(socket: Deno.TcpConn, writeMs: number) {
    super();
    socket.setNoDelay(true);
    const { hostname, port } = socket.remoteAddr;
    this.remoteAddress = plainAddress(hostname);
    this.remotePort = port;
    this.#socket = socket;
    this.#writeMs = writeMs;
  }

  override _read() {
    const bytes = new Uint8Array(PIECE);
    this.#socket.read(bytes).then((length) => {
      this.bytesRead += length ?? 0;
      this.push(length === null ? null : Buffer.from(bytes.buffer, 0, length));
    }).catch(() => this.destroy()); // reset, or closed here
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void) {
    this.#send(chunk).then(() => done(), done);
  }

  override _writev(chunks: readonly Chunk[], done: (error?: Error) => void) {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void) {
    this.#socket.closeWrite().then(() => done(), () => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void) {
    try {
      this.#socket.close();
    } catch {
      // closed already
    }
    done(error);
  }

  async #send(bytes: Uint8Array) {
    for (let sent = 0; sent < bytes.length;) {
      const stuck = patiently(() => {
        this.emit("stuck");
        this.destroy();
      }, this.#writeMs);
      try {
        sent += await this.#socket.write(bytes.subarray(sent));
      } finally {
        stuck();
      }
    }
  }

  /** Ends it when all that was written is sent. */
  destroySoon() {
    if (this.writableFinished) this.destroy();
    else this.end(() => this.destroy());
  }

  /** Timeouts are the door's: what `node:http` asks here is not done. */
  setTimeout() {
    return this;
  }
}
