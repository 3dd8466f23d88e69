import assert from "node:assert/strict";
import { join } from "node:path";
import { toldCommand, toldModel } from "../../bench/told.ts";
import { ROOT } from "../../model/service/permissions.ts";

Deno.test("toldCommand() keeps what was asked, but no path of this machine and not where results go", () => {
  const told = (...args: string[]) => toldCommand("bench:losses", args);
  assert.equal(told("--models", "weights/qm9,runs/a"), "deno task bench:losses --models weights/qm9,runs/a");
  assert.equal(
    told("--models", `${join(ROOT, "weights/qm9")},/elsewhere/qm9,../before/weights/qm9`),
    "deno task bench:losses --models weights/qm9,PATH,PATH",
  );
  assert.equal(told(`--models=/elsewhere/qm9`, "--threads=2"), "deno task bench:losses --models=PATH --threads=2");
  assert.equal(told("--out", "/x/y.json", "--threads", "2", "--out=z.json"), "deno task bench:losses --threads 2");
  assert.equal(told(`${ROOT}-other/qm9`), "deno task bench:losses PATH");
});

Deno.test("toldCommand() quotes JSON and what else a shell would read otherwise, so that the same words come of it", async () => {
  const args = ["--values", "[0.005,null]", `--with={"a":"it's, $HOME"}`, "--name", "two words", "a*", ""];
  const told = toldCommand("bench:curves", args);
  assert.equal(
    told,
    `deno task bench:curves --values '[0.005,null]' --with='{"a":"it'\\''s, $HOME"}' --name 'two words' 'a*' ''`,
  );
  const script = `deno() { printf '%s\\n' "$@"; }; ${told}`;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  assert.deepEqual(new TextDecoder().decode(stdout).split("\n").slice(0, -1), ["task", "bench:curves", ...args]);
});

Deno.test("toldCommand() keeps JSON whole, and paths of this machine out of it", () => {
  const told = (json: string) => toldCommand("bench:curves", ["--with", json]);
  assert.equal(
    told(`{"from": "/elsewhere/a.safetensors", "all": ["${ROOT}/weights/qm9", "a,b"], "n": 3}`),
    `deno task bench:curves --with '{"from":"PATH","all":["weights/qm9","a,b"],"n":3}'`,
  );
  // What only looks like JSON is a word like any other.
  assert.equal(told("{no/json"), "deno task bench:curves --with '{no/json'");
});

Deno.test("toldModel() names a model by its folder in the repository, and one elsewhere by its name and digest", () => {
  const card = { name: "qm9" }, bytes = new TextEncoder().encode("abc");
  assert.equal(toldModel(join(ROOT, "weights/qm9"), card, bytes), "weights/qm9");
  assert.equal(toldModel("weights/qm9/", card, bytes), "weights/qm9");
  // The SHA-256 of "abc" of FIPS 180-4.
  assert.equal(toldModel("/elsewhere/run-7", card, bytes), "qm9 ba7816bf8f01");
});
