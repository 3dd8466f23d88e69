import assert from "node:assert/strict";
import { join } from "node:path";
import type { Terminal } from "../../../../main/command.ts";
import { reproduceCommand } from "../../../../main/reproduce.ts";
import { run } from "../../../../main/run.ts";
import { publishedRows } from "../../../../model/evaluation/reproduce/published.ts";
import { readRows, rowName } from "../../../../model/evaluation/reproduce/row.ts";
import { heavyAtomSpace } from "../../../../model/networks/heavy_atom/space.ts";
import { initialise } from "../../../../model/networks/pair_attention/initialise.ts";
import { writeSafetensors } from "../../../../model/diffusion/safetensors.ts";
import { tableRows } from "../../../../model/evaluation/reproduce/table.ts";
import { withFolder, writeTinyModel } from "../../tiny_model.ts";

const commands = { reproduce: { summary: "", load: () => Promise.resolve(reproduceCommand) } };

/** Runs the command on a small model; `onLine` sees each line that it writes, and may interrupt. */
async function reproduce(
  { model, out, more = [], onLine = () => {} }: {
    model: string;
    out: string;
    more?: string[];
    onLine?: (line: string, interrupt: () => void) => void;
  },
) {
  const abort = new AbortController(), written = { out: "", error: "" };
  const terminal: Terminal = {
    out: (text) => {
      written.out += text;
      onLine(text, () => abort.abort(new DOMException("interrupted", "AbortError")));
    },
    error: (text) => void (written.error += text),
    interactive: false,
    environment: {},
    signal: abort.signal,
  };
  const own = ["--model", model, "--out", out, "--backend", "wasm", "--threads", "1", "--steps", "4,2", "--count", "6"];
  const status = await run(commands, ["reproduce", ...own, ...more], terminal);
  return { status, ...written };
}

const rowsOf = async (out: string) => [...(await readRows(out)).values()];
const datesOf = async (out: string) =>
  new Map([...await readRows(out)].map(([k, { evaluation }]) => [k, evaluation.date]));
const count = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].length;

/** Every tag is closed in order. */
function assertParses(svg: string): void {
  const open: string[] = [];
  for (const [, closing, name, empty] of svg.matchAll(/<(\/?)([a-z]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (closing) assert.equal(open.pop(), name);
    else if (!empty) open.push(name);
  }
  assert.deepEqual(open, []);
  assert.ok(!/NaN|Infinity|undefined/.test(svg));
}

Deno.test("reproduce goes on after an interrupt with the rows that are missing, and only those", () =>
  withFolder(async (root) => {
    const model = await writeTinyModel(root), out = join(root, "out");
    const cut = await reproduce({
      model,
      out,
      onLine: (line, interrupt) => /^\d+ steps, /.test(line) && interrupt(),
    });
    assert.equal(cut.status, 130, cut.error);
    const first = await datesOf(out);
    assert.equal(first.size, 1, "the row that was done is on disk");
    assert.match(cut.out, /6 rows, 6 of them to measure\nabout \d+:\d\d/);

    const rest = await reproduce({ model, out });
    assert.equal(rest.status, 0, rest.error);
    assert.match(rest.out, /6 rows, 5 of them to measure/);
    assert.equal(count(rest.out, /^\d steps, /gm), 5);
    const all = await datesOf(out);
    assert.equal(all.size, 6);
    for (const [name, date] of first) assert.equal(all.get(name), date);

    const again = await reproduce({ model, out });
    assert.match(again.out, /6 rows, 0 of them to measure/);
    assert.deepEqual(await datesOf(out), all);
  }));

Deno.test("reproduce writes rows that keep their n, the published rows marked beside them, and an SVG that parses", () =>
  withFolder(async (root) => {
    const model = await writeTinyModel(root), out = join(root, "out");
    const { status, error } = await reproduce({ model, out, more: ["--max-work", "16", "--samplers", "ddim"] });
    assert.equal(status, 0, error);
    const rows = await rowsOf(out);
    assert.deepEqual(rows.map(({ key }) => [key.steps, key.count]), [[2, 6], [4, 4]]);
    for (const { key, evaluation: { metrics } } of rows) assert.equal(metrics.moleculeStability.n, key.count);

    const table = await Deno.readTextFile(join(out, "table.md")), { rows: published } = publishedRows();
    for (const { steps, name, moleculesPerSecond: speed, machine } of published) {
      const end = speed === null ? "" : `${speed} (${machine})`;
      const row = (line: string) =>
        line.startsWith(`| ${steps} | *published*: ${name} |`) && line.endsWith(`| ${end} |`);
      assert.equal(table.split("\n").filter(row).length, 1, `${name}, ${steps} steps: the speed as published`);
    }
    assert.match(table, /^\| 2 \| teacher \| ddim \| 6 \| /m);
    assert.match(table, /^\| 4 \| teacher \| ddim \| 4 \| /m);
    assert.equal(count(table, /^\| \d+ \| \*published\*: /gm), published.length);
    const cells = table.split("\n").filter((line) => line.startsWith("| ")).map((line) => count(line, / \|/g));
    assert.equal(new Set(cells).size, 1, "every line has as many cells");

    const data = JSON.parse(await Deno.readTextFile(join(out, "table.json")));
    assert.deepEqual(data.rows.map(({ source }: { source: string }) => source), [
      "measured",
      "measured",
      ...published.map(() => "published"),
    ]);
    const svg = await Deno.readTextFile(join(out, "speed_stability.svg"));
    assertParses(svg);
    for (const name of new Set(published.map(({ name }) => name))) {
      assert.ok(svg.includes(`published: ${name.replace("'", "&#39;")}`), name);
    }
  }));

Deno.test("reproduce measures again when the weights have another version, and the table has those alone", () =>
  withFolder(async (root) => {
    const out = join(root, "out"), more = ["--samplers", "ddim"];
    await reproduce({ model: await writeTinyModel(root), out, more });
    const model = await writeTinyModel(root, { version: "next" });
    const { out: text } = await reproduce({ model, out, more });
    assert.match(text, /2 rows, 2 of them to measure/);
    assert.equal((await rowsOf(out)).length, 4, "the old rows stay on disk");
    const { rows } = JSON.parse(await Deno.readTextFile(join(out, "table.json")));
    const versions = rows.filter(({ source }: { source: string }) => source === "measured")
      .map(({ version }: { version: string }) => version);
    assert.deepEqual(versions, ["next", "next"]);

    // Another network under the same version is not mistaken for the one that was measured.
    const other = initialise(heavyAtomSpace(), { width: 16, blocks: 1 }, 5);
    await Deno.writeFile(join(model, "denoiser.safetensors"), writeSafetensors(other));
    assert.match((await reproduce({ model, out, more })).out, /2 rows, 2 of them to measure/);
  }));

Deno.test("reproduce measures the students of the card and of finished rounds, each with its own weights", () =>
  withFolder(async (root) => {
    const entry = { steps: 4, variant: "ddim", teacher: "qm9", version: "s1", clamp: 0.2 } as const;
    const model = await writeTinyModel(root, { distilled: [{ ...entry, file: "four.safetensors" }] });
    const round = join(root, "round"), out = join(root, "out");
    await Deno.mkdir(round);
    const weights = initialise(heavyAtomSpace(), { width: 16, blocks: 1 }, 3);
    await Deno.writeFile(join(round, "student.safetensors"), writeSafetensors(weights));
    const rate = { value: 0.5, low: 0.4, high: 0.6, n: 10 };
    const drawn = { steps: 4, moleculeStability: rate, atomStability: rate, validity: rate, validUnique: rate };
    const result = {
      judged: { student: drawn, teacher: { ...drawn, steps: 8 } },
      method: "moments",
      accepted: false,
      why: "",
      entry: { ...entry, version: "s2", clamp: 0 },
      also: [{ ...entry, steps: 2, version: "s2", clamp: 0 }],
    };
    await Deno.writeTextFile(join(round, "result.json"), JSON.stringify(result));

    const { status, error } = await reproduce({ model, out, more: ["--rounds", round, "--samplers", "ddim"] });
    assert.equal(status, 0, error);
    const students = (await rowsOf(out)).filter(({ kind }) => kind === "student");
    assert.deepEqual(
      students.map(({ shipped, key }) => [key.version, shipped, key.clamp, key.sampler]).sort(),
      [["s1", true, 0, "distilled"], ["s1", true, 0.2, "distilled"], ["s2", false, 0, "distilled"], [
        "s2",
        false,
        0,
        "distilled",
      ]],
    );
    assert.deepEqual(students.filter(({ key }) => key.version === "s2").map(({ key }) => key.steps), [2, 4]);
    assert.equal(new Set(students.map(({ key }) => key.weights)).size, 2);
    const table = await Deno.readTextFile(join(out, "table.md"));
    assert.match(table, /^\| 4 \| distilled \| ddim, clamp 0.2 \| 6 \|/m);
    assert.match(table, /^\| 4 \| distilled, not shipped \(s2\) \| ddim \| 6 \|/m);

    await Deno.writeTextFile(
      join(round, "result.json"),
      JSON.stringify({ ...result, method: "knowledge", entry: null }),
    );
    const refused = await reproduce({ model, out, more: ["--rounds", round] });
    assert.equal(refused.status, 1);
    assert.match(refused.error, /result\.json/);
  }));

Deno.test("tableRows() takes of several rows of one setting that of the most molecules", () =>
  withFolder(async (root) => {
    const model = await writeTinyModel(root), out = join(root, "out"), more = ["--samplers", "ddim", "--steps", "2"];
    await reproduce({ model, out, more });
    await reproduce({ model, out, more: [...more, "--count", "3"] });
    const rows = await rowsOf(out);
    assert.deepEqual(rows.map(({ key }) => key.count).sort(), [3, 6]);
    assert.deepEqual(tableRows(rows, () => true).map(({ key }) => key.count), [6]);
    assert.deepEqual(tableRows(rows, () => false), []);
    const [[name, row]] = await readRows(out);
    assert.equal(await rowName(row.key), name, "a row that was read has the key that it was written with");
  }));

Deno.test("readRows() names a file that is no row", () =>
  withFolder(async (root) => {
    assert.equal((await readRows(root)).size, 0);
    await Deno.mkdir(join(root, "rows"));
    await Deno.writeTextFile(join(root, "rows", "0001-ddim-0.json"), "{}");
    await assert.rejects(readRows(root), /0001-ddim-0\.json is no row: remove it/);
    await Deno.writeTextFile(join(root, "rows", "0001-ddim-0.json"), "{");
    await assert.rejects(readRows(root), /0001-ddim-0\.json is not JSON: remove it/);
  }));

Deno.test("publishedRows() are percentages of methods whose papers are named", () => {
  const { papers, rows } = publishedRows();
  assert.ok(rows.length > 0);
  for (const [name, own] of Map.groupBy(rows, ({ name }) => name)) {
    for (const { paper } of own) assert.ok(papers[paper].title, name);
    const largest = Math.max(...own.map(({ moleculeStability, uniqueness }) => moleculeStability ?? uniqueness ?? 0));
    assert.ok(largest > 1, `${name}: in percent, not a fraction`);
    assert.equal(new Set(own.map(({ steps }) => steps)).size, own.length, `${name}: a row a number of steps`);
  }
});
