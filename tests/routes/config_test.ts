import assert from "node:assert/strict";
import { parseConfig } from "../../routes/config.ts";
import { createLog } from "../../routes/log.ts";

Deno.test("parseConfig() fills in defaults, and reads nothing that is not its own", () => {
  const config = parseConfig({ HOME: "/root", PATH: "/bin", MOLSTEP_LOG_LEVEL: "" });
  assert.equal(config.port, 8000);
  assert.equal(config.logLevel, "info");
  assert.deepEqual(config.preload, ["qm9"]);
  assert.ok(Object.isFrozen(config));
});

Deno.test("parseConfig() reads lists and numbers", () => {
  const config = parseConfig({ PORT: "0", MOLSTEP_MODELS: "a:b", MOLSTEP_PRELOAD: "x, y", MOLSTEP_MAX_REQUESTS: "3" });
  assert.deepEqual([config.port, config.models, config.preload, config.maxRequests], [0, ["a", "b"], ["x", "y"], 3]);
});

Deno.test("parseConfig() refuses an unknown key and lists those allowed", () => {
  assert.throws(() => parseConfig({ MOLSTEP_PROT: "1" }), /unknown MOLSTEP_PROT; allowed are PORT, MOLSTEP_HOST/);
  assert.equal(parseConfig({ MOLSTEP_QM9: "data" }).port, 8000);
});

Deno.test("parseConfig() refuses values out of range and names the key", () => {
  assert.throws(() => parseConfig({ PORT: "70000" }), /PORT/);
  assert.throws(() => parseConfig({ PORT: "http" }), /whole number[^]*PORT/);
  assert.throws(() => parseConfig({ MOLSTEP_BACKEND: "cuda" }), /MOLSTEP_BACKEND/);
});

Deno.test("createLog() writes JSON lines of at least its level", () => {
  const lines: string[] = [];
  const log = createLog({ level: "warn", write: (line) => lines.push(line), now: () => new Date(0) });
  log("info", "quiet");
  log("error", "loud", { a: 1 });
  assert.deepEqual(lines.map((line) => JSON.parse(line)), [
    { time: "1970-01-01T00:00:00.000Z", level: "error", message: "loud", a: 1 },
  ]);
});
