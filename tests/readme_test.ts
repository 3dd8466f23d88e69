/** What README.md and docs/ say is what the code, the card and the results say. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { commands } from "../main.ts";
import { findModel } from "../main/models.ts";
import { keptResults, PAGES, withTables } from "../main/readme.ts";
import { readBenchRuns } from "../main/speed_table.ts";
import { SLOW } from "./fast.ts";
import { SAMPLER_CHOICES } from "../model/diffusion/samplers/mod.ts";
import { roundOrder } from "../model/distillation/order.ts";
import { findReference } from "../model/evaluation/evaluate_reference.ts";
import { comparisonTable } from "../model/evaluation/comparison_table.ts";
import { JOB_STATES } from "../model/service/jobs/types.ts";
import { generateRequest, generateResponse } from "../routes/generate_schema.ts";
import { ENDPOINTS } from "../routes/endpoints.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => Deno.readTextFile(join(root, path));

/** Every page of prose, by its path from the root. */
const pages = (): string[] => [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...[...Deno.readDirSync(join(root, "docs"))].filter(({ name }) => name.endsWith(".md")).map(({ name }) =>
    `docs/${name}`
  ),
  ...[...Deno.readDirSync(join(root, "integrations"))].map(({ name }) => `integrations/${name}/README.md`),
];

Deno.test("the generated tables are those of the shipped card, the published rows, the newest results of benchmarks and the configuration", async () => {
  const { card } = await findModel("qm9"), runs = await readBenchRuns(keptResults());
  const data = (await findReference())!.statistics;
  for (const page of Object.keys(PAGES)) {
    const text = await read(page);
    assert.equal(withTables(page, text, { card, runs, data }), text, page);
  }
});

Deno.test("every command that a page names is a task, every command has one, and the command line's page names each", async () => {
  const { tasks } = JSON.parse(await read("deno.json")), table = await read("docs/commands.md");
  for (const page of pages().filter((page) => page !== "CHANGELOG.md")) {
    for (const [, task] of (await read(page)).matchAll(/deno(?:@[\d.]+)? task ([a-z][a-z:]*)/g)) {
      assert.ok(task in tasks, `${page}: ${task}`);
    }
  }
  for (const name of Object.keys(commands)) {
    const task = name === "serve" ? "start" : name;
    assert.ok(task in tasks, name);
    assert.ok(table.includes(`| \`deno task ${task}\``), name);
  }
});

/** The anchors of a page's headings, as GitHub makes them. */
const anchors = (text: string) =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-")
  );

Deno.test("every link and picture of a page leads to a file that is there, and to a heading that it has", async () => {
  for (const page of pages()) {
    for (const [, target] of (await read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path, anchor] = target.split("#"), file = path === "" ? page : join(dirname(page), path);
      assert.ok(existsSync(join(root, file)), `${page}: ${target}`);
      if (anchor) assert.ok(anchors(await read(file)).includes(anchor), `${page}: ${target}`);
    }
  }
});

Deno.test("comparisonTable() takes a student's row before the undistilled network's, and refuses a method that is not published", async () => {
  const { card } = await findModel("qm9");
  const [, , own, clamped, other] = comparisonTable(card, { steps: [4, 8, 5], methods: ["FlashMol"] }).split("\n");
  const stable = (steps: number, sampler: string, plain: boolean) => {
    const found = card.evaluation.find((entry) => {
      const { settings: s } = entry as { settings: Record<string, unknown> };
      return s.steps === steps && s.sampler === sampler && s.decoding === "argmax" && (s.clamp === 0) === plain;
    }) as { metrics: { moleculeStability: { value: number } } };
    return (100 * found.metrics.moleculeStability.value).toFixed(1);
  };
  const first = (line: string) => line.split("|").slice(2, 5).map((cell) => cell.trim().split(" / ")[0]);
  assert.deepEqual(first(own), [stable(4, "distilled", true), stable(8, "distilled", true), ""]);
  assert.deepEqual(first(clamped), [stable(4, "distilled", false), stable(8, "distilled", false), ""]);
  assert.match(other, /^\| \[FlashMol\]\(https/);
  assert.throws(
    () => comparisonTable(card, { steps: [4], methods: ["FlashMole"] }),
    /must be one of .*FlashMol.*; got FlashMole$/,
  );
});

Deno.test("every test that the fast tier leaves out is there", () => {
  for (const path of SLOW) assert.ok(existsSync(join(root, "tests", path)), path);
});

Deno.test("docs/http.md names every route, every key of a request, every sampler and every state of a job", async () => {
  const text = await read("docs/http.md");
  const names = [
    ...Object.keys(generateRequest.shape),
    ...Object.keys(roundOrder.shape),
    ...SAMPLER_CHOICES,
    ...JOB_STATES,
  ].map((name) => `\`${name}\``);
  for (const name of [...names, ...ENDPOINTS.filter(({ route }) => !route.hide).map(({ route }) => route.path)]) {
    assert.ok(text.includes(name), name);
  }
});

Deno.test("every file that a page names is there", async () => {
  const named = /`((?:bench|chem|docs|main|model|routes|tests|weights)\/[\w./-]+\.[a-z]+)`/g;
  for (const page of pages().filter((page) => page !== "CHANGELOG.md")) {
    for (const [, path] of (await read(page)).matchAll(named)) {
      assert.ok(existsSync(join(root, path)), `${page}: ${path}`);
    }
  }
});

Deno.test("the answer that docs/http.md shows is of the form that POST /generate gives", async () => {
  const [, example] = /```json\n([^]*?)```/.exec(await read("docs/http.md"))!;
  generateResponse.parse(JSON.parse(example));
});
