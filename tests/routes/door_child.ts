/** A door for a process with few descriptors: says its port, holds requests for /hold, and ends with its standard input. */
import { openDoor } from "../../routes/door.ts";

const { port } = openDoor(
  ({ url }) => url.endsWith("/hold") ? new Promise<Response>(() => {}) : new Response("hello"),
  { hostname: "127.0.0.1", port: 0, maxConnections: 1000, headMs: 60_000, bodyMs: 60_000, writeMs: 60_000 },
);
// Deno 2.9.6 sets up its signals when it first needs them, and panics where no descriptor is left by then; the service listens to signals from its start.
Deno.addSignalListener("SIGUSR2", () => {});
console.log(port);
await Deno.stdin.read(new Uint8Array(1));
Deno.exit();
