/** Training in WGSL may be dropped: its folder, its tests (this among them), and the one line that imports it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { importsOf, ROOT } from "../../../../sources.ts";

const DROPPABLE = "model/engines/webgpu/training/";

Deno.test("training in WGSL is imported by one line, of the learners' registry", async () => {
  const files = (await Promise.all(["chem", "model", "routes", "main", "bench"].map(importsOf))).flat();
  const outside = files.filter(([file]) => !file.startsWith(DROPPABLE));
  assert.ok(outside.some(([file]) => file.startsWith("bench/")));
  const found = outside.flatMap(([file, names]) => names.filter((name) => name.startsWith(DROPPABLE)).map(() => file));
  assert.deepEqual(found, ["model/engines/open_learner.ts"]);
});

Deno.test("nothing of the engine in WGSL is there for training alone", async () => {
  const engine = "model/engines/webgpu", texts = new Map<string, string>();
  for (const [file] of await importsOf("model")) texts.set(file, await Deno.readTextFile(join(ROOT, file)));
  const words = (text: string, name: string) => text.match(new RegExp(`\\b${name}\\b`, "g"))?.length ?? 0;
  const borrowed = new Map<string, string>();
  for (const [file, text] of texts) {
    if (!file.startsWith(DROPPABLE)) continue;
    for (const [, names, from] of text.matchAll(/import (?:type )?\{([^}]*)\} from "\.\.\/([a-z_]+\.ts)"/g)) {
      for (const name of names.split(",").map((one) => one.trim().replace(/^type /, "")).filter(Boolean)) {
        borrowed.set(name, `${engine}/${from}`);
      }
    }
  }
  assert.ok(borrowed.size > 20);
  const alone = [...borrowed].filter(([name, home]) =>
    words(texts.get(home)!, name) < 2 &&
    ![...texts].some(([file, text]) => file !== home && !file.startsWith(DROPPABLE) && words(text, name) > 0)
  );
  assert.deepEqual(alone, []);
});
