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
  assert.equal(parseConfig({ MOLSTEP_QM9: "data", MOLSTEP_ISA: "avx512-f16" }).port, 8000);
});

Deno.test("parseConfig() refuses values out of range and names the key", () => {
  assert.throws(() => parseConfig({ PORT: "70000" }), /PORT/);
  assert.throws(() => parseConfig({ PORT: "http" }), /whole number[^]*PORT/);
  assert.throws(() => parseConfig({ MOLSTEP_BACKEND: "cuda" }), /MOLSTEP_BACKEND/);
});

Deno.test("parseConfig() takes an administrator's token that is long enough, and repeats none in its errors", () => {
  assert.equal(parseConfig({}).adminToken, undefined);
  assert.equal(parseConfig({ MOLSTEP_ADMIN_TOKEN: "0123456789abcdef" }).adminToken, "0123456789abcdef");
  for (const token of ["short-secret", "a secret with spaces in it"]) {
    assert.throws(
      () => parseConfig({ MOLSTEP_ADMIN_TOKEN: token }),
      ({ message }: Error) => /MOLSTEP_ADMIN_TOKEN/.test(message) && !message.includes(token),
    );
  }
});

Deno.test("parseConfig() takes a share of 0 to 1 for the trainer", () => {
  assert.equal(parseConfig({}).trainerShare, 0.1);
  for (const share of ["0", "1", "0.25", ".5"]) {
    assert.equal(parseConfig({ MOLSTEP_TRAINER_SHARE: share }).trainerShare, Number(share));
  }
  for (const share of ["1.5", "-1", "half"]) {
    assert.throws(() => parseConfig({ MOLSTEP_TRAINER_SHARE: share }), /0 to 1|at most 1/);
  }
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

Deno.test("a precision that the backend lacks is refused, whichever names it", () => {
  for (const MOLSTEP_BACKEND of ["wasm", "cpu"]) {
    assert.throws(
      () => parseConfig({ MOLSTEP_BACKEND, MOLSTEP_PRECISION: "f16" }),
      new RegExp(
        `MOLSTEP_PRECISION: precision f16 needs the backend webgpu or native; ${MOLSTEP_BACKEND} computes in f32`,
      ),
    );
  }
  assert.equal(parseConfig({ MOLSTEP_BACKEND: "webgpu", MOLSTEP_PRECISION: "f16" }).precision, "f16");
  assert.equal(parseConfig({ MOLSTEP_PRECISION: "f16" }).precision, "f16");
  assert.equal(parseConfig({ MOLSTEP_BACKEND: "native", MOLSTEP_PRECISION: "bf16" }).precision, "bf16");
  assert.throws(
    () => parseConfig({ MOLSTEP_BACKEND: "webgpu", MOLSTEP_PRECISION: "bf16" }),
    /needs the backend native/,
  );
});

Deno.test("parseConfig() takes trusted proxies, a client's share and bounds of work that fit", () => {
  assert.deepEqual(parseConfig({}).trustedProxies, []);
  assert.deepEqual(parseConfig({ MOLSTEP_TRUSTED_PROXIES: "10.0.0.0/8, ::1" }).trustedProxies, ["10.0.0.0/8", "::1"]);
  assert.throws(() => parseConfig({ MOLSTEP_TRUSTED_PROXIES: "10.0.0.0/8,nginx" }), /such as 10.0.0.0\/8; got nginx/);
  assert.equal(parseConfig({ MOLSTEP_CLIENT_SHARE: "1" }).clientShare, 1);
  assert.throws(
    () => parseConfig({ MOLSTEP_MAX_HELD_WORK: "5000" }),
    /MOLSTEP_MAX_HELD_WORK must be at least MOLSTEP_MAX_WORK, 1000000; got 5000/,
  );
  assert.equal(parseConfig({ MOLSTEP_MAX_HELD_WORK: "5000", MOLSTEP_MAX_WORK: "5000" }).maxHeldWork, 5000);
});

Deno.test("parseConfig() leaves rounds to workers only where there is a server to meet at", () => {
  assert.equal(parseConfig({}).rounds, "here");
  assert.throws(() => parseConfig({ MOLSTEP_ROUNDS: "workers" }), /must have MOLSTEP_NATS beside it; got none/);
  assert.equal(parseConfig({ MOLSTEP_ROUNDS: "workers", MOLSTEP_NATS: "nats://one" }).rounds, "workers");
});

Deno.test("parseConfig() opens generation without a file of tokens and nothing with one, unless it is told what is open", () => {
  const admin = { MOLSTEP_ADMIN_TOKEN: "0123456789abcdef" },
    open = (env: Record<string, string>) => parseConfig(env).openScopes;
  assert.deepEqual(open({}), ["generate"]);
  assert.deepEqual(open(admin), ["generate"]);
  assert.deepEqual(open({ MOLSTEP_TOKENS: "tokens.json" }), []);
  assert.deepEqual(open({ MOLSTEP_TOKENS: "tokens.json", MOLSTEP_OPEN_SCOPES: "generate, read" }), [
    "generate",
    "read",
  ]);
  assert.deepEqual(open({ ...admin, MOLSTEP_OPEN_SCOPES: "none" }), []);
  for (const text of ["admin", "generate,admin", "none,read", "all"]) {
    assert.throws(
      () => open({ ...admin, MOLSTEP_OPEN_SCOPES: text }),
      /must be none, or of generate, read[^]*MOLSTEP_OPEN_SCOPES/,
      text,
    );
  }
  assert.throws(
    () => open({ MOLSTEP_OPEN_SCOPES: "none" }),
    /must have MOLSTEP_TOKENS or MOLSTEP_ADMIN_TOKEN beside it; got neither/,
  );
});
