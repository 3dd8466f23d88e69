/** A NATS server for tests and benchmarks: the program that MOLSTEP_NATS_SERVER names, nats-server of the PATH, or that of Debian's package. */
import { existsSync } from "node:fs";

/** The server's program; undefined where there is none: then tests that need it are skipped. */
export const NATS_SERVER: string | undefined = [
  Deno.env.get("MOLSTEP_NATS_SERVER"),
  ...[...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin"].map((folder) => `${folder}/nats-server`),
].find((path) => path && existsSync(path));

/** Why such a test is skipped: a part of its name. */
export const WITHOUT_SERVER = NATS_SERVER
  ? ""
  : " (skipped: there is no nats-server; Debian's package nats-server has it)";

/** A server with JetStream. */
export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  /** Its process's number. */
  readonly pid: number;
  /** Ends it by SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again, at the same address with the same store. */
  start(): Promise<void>;
}

/** A port that nobody has. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Starts a server; its store goes with it. */
export async function startNats(args: readonly string[] = []): Promise<NatsServer> {
  const folder = await Deno.makeTempDir({ prefix: "molstep-nats-" }), port = freePort();
  let process: Deno.ChildProcess | undefined;
  const server: NatsServer = {
    url: `nats://127.0.0.1:${port}`,
    get pid() {
      return process!.pid;
    },
    async kill() {
      process?.kill("SIGKILL");
      await process?.status;
      process = undefined;
    },
    async start() {
      process = new Deno.Command(NATS_SERVER!, {
        args: ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder, ...args],
        ...{ stdout: "null", stderr: "null" },
      }).spawn();
      // It greets whoever connects.
      for (let tries = 0;; tries++) {
        try {
          using connection = await Deno.connect({ hostname: "127.0.0.1", port });
          await connection.read(new Uint8Array(1));
          return;
        } catch (error) {
          if (tries > 200) throw error;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    },
    async [Symbol.asyncDispose]() {
      await server.kill();
      await Deno.remove(folder, { recursive: true });
    },
  };
  await server.start();
  return server;
}
