import assert from "node:assert/strict";
import { join } from "node:path";
import { openTokens } from "../../../routes/access/token_list.ts";
import { withFolder } from "../../model/tiny_model.ts";
import { made, writeTokens } from "./tokens.ts";

/** A log that keeps its lines. */
function kept() {
  const lines: Record<string, unknown>[] = [];
  return {
    lines,
    log: (level: string, message: string, fields?: object) => void lines.push({ level, message, ...fields }),
  };
}

Deno.test("openTokens() refuses to start without a file that can be read, and names the variable, the file and the fault", () =>
  withFolder(async (root) => {
    const path = join(root, "tokens.json");
    assert.throws(
      () => openTokens(path, () => {}),
      ({ message }: Error) =>
        message.startsWith(`MOLSTEP_TOKENS must name a file of tokens`) && message.includes(`${path}: `) &&
        /No such file/i.test(message),
    );
    await Deno.writeTextFile(path, "{");
    assert.throws(() => openTokens(path, () => {}), /tokens\.json: must be JSON$/);
  }));

Deno.test("openTokens() follows its file: written in place, replaced, and of the same length", () =>
  withFolder(async (root) => {
    const path = join(root, "tokens.json"), { lines, log } = kept();
    await writeTokens(path, made("one", ["read"]));
    const list = openTokens(path, log), names = () => list.tokens.map(({ name }) => name).join();
    await list.look();
    assert.equal(names(), "one");
    assert.deepEqual(lines, []);
    await writeTokens(path, made("one", ["read"]), made("two", ["generate"]));
    await list.look();
    assert.equal(names(), "one,two");
    await writeTokens(`${path}.new`, made("six", ["read"]), made("ten", ["generate"]));
    await Deno.rename(`${path}.new`, path);
    await list.look();
    assert.equal(names(), "six,ten");
    assert.deepEqual(lines, [2, 2].map((tokens) => ({ level: "info", message: "tokens read", path, tokens })));
    await list.close();
  }));

Deno.test("openTokens() keeps the last good list where the file breaks or goes, and says so at once and each minute as an error", () =>
  withFolder(async (root) => {
    const path = join(root, "tokens.json"), { lines, log } = kept(), good = made("good", ["read"]);
    await writeTokens(path, good);
    let now = 0;
    const list = openTokens(path, log, { now: () => now }),
      errors = () => lines.filter(({ level }) => level === "error");
    await Deno.writeTextFile(path, `{"tokens": [${good.entry.sha256}`);
    for (const [at, told] of [[0, 1], [1000, 1], [59_999, 1], [60_000, 2], [61_000, 2]]) {
      now = at;
      await list.look();
      assert.equal(errors().length, told, `at ${at}`);
      assert.equal(list.tokens.length, 1);
    }
    assert.match(String(errors()[0].message), /stay as they were/);
    assert.equal(errors()[0].error, "must be JSON");
    assert.ok(!JSON.stringify(lines).includes(good.entry.sha256));
    await Deno.remove(path);
    await list.look();
    assert.equal(errors().length, 3); // another fault is told at once
    assert.equal(list.tokens.length, 1);
    await writeTokens(path);
    await list.look();
    assert.equal(list.tokens.length, 0);
    assert.equal(lines.at(-1)!.message, "tokens read");
    now = 1e6;
    await list.look();
    assert.equal(errors().length, 3);
    await list.close();
  }));

Deno.test("openTokens() looks by itself once it watches, and no more when it is closed", () =>
  withFolder(async (root) => {
    const path = join(root, "tokens.json"), second = made("second", ["read"]);
    await writeTokens(path, made("first", ["read"]));
    const list = openTokens(path, () => {}, { everyMs: 5 });
    list.watch();
    await writeTokens(path, second);
    for (const end = Date.now() + 10_000; list.tokens[0].name !== "second";) {
      assert.ok(Date.now() < end);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await list.close();
    await writeTokens(path);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(list.tokens.length, 1);
  }));
