import assert from "node:assert/strict";
import { join } from "node:path";
import { commands } from "../../main.ts";
import { run } from "../../main/run.ts";
import { digestOf, parseTokens } from "../../routes/access/token_file.ts";
import { ROOT } from "../sources.ts";
import { withFolder } from "../model/tiny_model.ts";

/** Runs `molstep tokens`. */
async function tokens(args: readonly string[], environment: Record<string, string> = {}) {
  const written = { out: "", error: "" };
  const status = await run(commands, ["tokens", ...args], {
    out: (text) => void (written.out += text),
    error: (text) => void (written.error += text),
    interactive: false,
    environment,
    signal: new AbortController().signal,
  });
  return { status, ...written };
}

Deno.test("molstep tokens add prints a token once and writes its digest alone, for its owner alone", () =>
  withFolder(async (root) => {
    const file = join(root, "tokens.json"), before = Date.now();
    await Deno.writeTextFile(`${file}.partial`, "of a run that was killed", { mode: 0o666 });
    const { status, out, error } = await tokens([
      "add",
      "--file",
      file,
      "--name",
      "robot",
      "--scopes",
      "generate,read",
      "--days",
      "90",
    ]);
    assert.equal(status, 0, error);
    assert.match(out, /^molstep_[\w-]{43}\n$/);
    assert.match(error, /robot has the scopes generate, read/);
    const token = out.trim(), text = await Deno.readTextFile(file), [entry, ...others] = parseTokens(text);
    assert.ok(!text.includes(token) && !error.includes(token));
    assert.deepEqual([entry.name, entry.scopes, entry.sha256, others], [
      "robot",
      ["generate", "read"],
      digestOf(token).toString("hex"),
      [],
    ]);
    const lasts = Date.parse(entry.expires!) - Date.parse(entry.created);
    assert.ok(lasts === 90 * 86_400_000 && Date.parse(entry.created) >= before - 1);
    if (Deno.build.os !== "windows") assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
    assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name), ["tokens.json"]);
  }));

Deno.test("molstep tokens list tells names, scopes and times, and remove takes one back, as revoke does", () =>
  withFolder(async (root) => {
    const environment = { MOLSTEP_TOKENS: join(root, "tokens.json") }, file = environment.MOLSTEP_TOKENS;
    const made: string[] = [];
    for (const name of ["one", "two", "three"]) {
      made.push((await tokens(["add", "--name", name, "--scopes", "read"], environment)).out.trim());
    }
    const entries = parseTokens(await Deno.readTextFile(file));
    await Deno.writeTextFile(
      file,
      JSON.stringify({
        tokens: entries.map((one) => one.name === "two" ? { ...one, expires: "2026-01-01T00:00:00Z" } : one),
      }),
    );
    const listed = (await tokens(["list", "--file", file])).out;
    assert.match(listed, /\| one \| read \| 20[\d-]+T[\d:.]+Z \| {2}\|/);
    assert.match(listed, /\| two \| .* \| 2026-01-01T00:00:00Z \(expired\) \|/);
    for (const [index, { sha256 }] of entries.entries()) {
      assert.ok(!listed.includes(sha256) && !listed.includes(made[index]));
    }
    assert.equal((await tokens(["remove", "--name", "one"], environment)).status, 0);
    assert.equal((await tokens(["revoke", "--name", "two"], environment)).status, 0);
    assert.deepEqual(parseTokens(await Deno.readTextFile(file)).map(({ name }) => name), ["three"]);
  }));

Deno.test("molstep tokens add and remove at once, in processes of their own, lose nothing of each other", () =>
  withFolder(async (root) => {
    const file = join(root, "tokens.json"), names = Array.from({ length: 2 }, (_, k) => `robot-${k}`);
    const start = (...args: string[]) =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", join(ROOT, "main.ts"), "tokens", ...args, "--file", file],
        stdout: "null",
        stderr: "piped",
      }).output();
    const add = (name: string) => start("add", "--name", name, "--scopes", "read");
    await tokens(["add", "--file", file, "--name", "old", "--scopes", "read"]);
    // Of one process, too: they read before another has written.
    const many = Array.from({ length: 40 }, (_, k) => `own-${k}`);
    const own = many.map((name) => tokens(["add", "--file", file, "--name", name, "--scopes", "read"]));
    const ended = await Promise.all([...names.map(add), start("remove", "--name", "old")]);
    for (const { code, stderr } of ended) assert.equal(code, 0, new TextDecoder().decode(stderr));
    for (const { status, error } of await Promise.all(own)) assert.equal(status, 0, error);
    const found = parseTokens(await Deno.readTextFile(file)).map(({ name }) => name);
    assert.deepEqual(found.sort(), [...names, ...many].sort());
    assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name), ["tokens.json"]);
  }));

Deno.test("molstep tokens refuses what it cannot do, and leaves the file as it was", () =>
  withFolder(async (root) => {
    const file = join(root, "tokens.json"), at = ["--file", file];
    await tokens(["add", ...at, "--name", "robot", "--scopes", "generate"]);
    const before = await Deno.readTextFile(file);
    for (
      const [args, status, words] of [
        [
          ["add", ...at, "--name", "robot", "--scopes", "read"],
          1,
          /name must be one that no other token has; got robot/,
        ],
        [["add", ...at, "--name", "admin", "--scopes", "read"], 2, /--name admin: must be another than admin/],
        [
          ["add", ...at, "--name", "x", "--scopes", "write"],
          2,
          /--scopes write: must be of generate, read, campaign, admin/,
        ],
        [["add", ...at, "--name", "x"], 2, /--scopes must be given to add a token/],
        [["add", "--name", "x", "--scopes", "read"], 2, /--file must be given/],
        [["add", ...at, "--name", "x", "--scopes", "read", "--days", "0"], 2, /--days 0/],
        [["remove", ...at, "--name", "nobody"], 1, /--name must be one of robot; got nobody/],
        [["remove", ...at, "--name", "robot", "--days", "3"], 2, /remove must have no --days/],
        [["list", ...at, "--name", "robot"], 2, /list must have no --name/],
        [["list", "--file", join(root, "none.json")], 1, /none\.json/],
        [["drop", ...at], 2, /must be one of add, list, remove, revoke/],
        [[...at], 2, /--act must be given/],
      ] as const
    ) {
      const told = await tokens(args);
      assert.equal(told.status, status, told.error);
      assert.match(told.error, words);
      assert.equal(told.out, "");
    }
    assert.equal(await Deno.readTextFile(file), before);
    await Deno.writeTextFile(file, "no JSON");
    assert.match((await tokens(["add", ...at, "--name", "x", "--scopes", "read"])).error, /tokens\.json: must be JSON/);
    assert.equal(await Deno.readTextFile(file), "no JSON");
    assert.match((await tokens(["remove", "--file", join(root, "none"), "--name", "x"])).error, /no tokens; got x/);
    assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name), ["tokens.json"]);
  }));
