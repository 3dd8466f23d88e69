/**
 * Tries what a process may and may not do, as JSON on stdout: "done", or the name of the error. Run with the flags of a service by `permissions_test.ts`.
 * Arguments: a folder that is to be written, a folder that is not, and a port that is not listened on.
 */
import { hardware } from "../../model/engines/hardware.ts";

const [inside, outside, port] = Deno.args;

const attempts: Record<string, () => unknown> = {
  "read of the repository": () => Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  "read of the data directory": () => Array.fromAsync(Deno.readDir(inside)),
  "read of the system": () => Deno.readTextFile("/etc/passwd"),
  "read of another folder": () => Array.fromAsync(Deno.readDir(outside)),
  "write of the data directory": () => Deno.writeTextFile(`${inside}/probe`, "x"),
  "write of the repository": () => Deno.writeTextFile(new URL("probe.txt", import.meta.url), "x"),
  "write of another folder": () => Deno.writeTextFile(`${outside}/probe`, "x"),
  "a link out of the data directory": () => Deno.symlink(`${outside}/probe`, `${inside}/link`),
  "its own port": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
  "another port": () => Deno.listen({ hostname: "127.0.0.1", port: Number(port) }),
  "a connection": () => Deno.connect({ hostname: "127.0.0.1", port: Number(port) }),
  "a shell": () => new Deno.Command("sh", { args: ["-c", "true"] }).output(),
  "another Deno": () => new Deno.Command(Deno.execPath(), { args: ["--version"], stdout: "null" }).output(),
  "a library": () => Deno.dlopen("libm.so.6", {}),
  "the host's name": () => Deno.hostname(),
  "the system's release": () => Deno.osRelease(),
};

const results: Record<string, unknown> = {
  "a variable": Deno.env.get("PORT"),
  "another variable": Deno.env.get("SECRET") ?? null,
};
for (const [name, attempt] of Object.entries(attempts)) {
  try {
    await attempt();
    results[name] = "done";
  } catch (error) {
    results[name] = (error as Error).name;
  }
}
console.log(JSON.stringify({ results, hardware: hardware() }));
