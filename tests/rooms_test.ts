/** Imports point one way: main -> routes -> model -> chem, and inside model/ from the last room up to the first. */
import assert from "node:assert/strict";
import { importsOf } from "./sources.ts";

const ROOMS = ["chem", "model", "routes", "main"] as const;

/** The room of a path relative to the root; main.ts is of the room main. */
const roomOf = (path: string) => ROOMS.find((room) => path === `${room}.ts` || path.startsWith(`${room}/`));

for (const [level, room] of ROOMS.slice(0, -1).entries()) {
  Deno.test(`${room}/ imports nothing of the rooms above it`, async () => {
    const found = await importsOf(room);
    assert.ok(found.length > 0);
    const above = ROOMS.slice(level + 1) as readonly string[];
    const faults = found.flatMap(([file, names]) =>
      names.filter((name) => above.includes(roomOf(name) ?? "")).map((name) => `${file} imports ${name}`)
    );
    assert.deepEqual(faults, []);
  });
}

/** The rooms of model/: each imports only what stands before it. */
const INSIDE = [
  "diffusion",
  "networks",
  "engines",
  "models",
  "generation",
  "training",
  "distillation",
  "evaluation",
  "campaigns",
  "service",
];

/** What each file of model/ imports, read once. */
const ofModel = await importsOf("model");

Deno.test("model/ has these rooms, and no file outside them", () => {
  const found = ofModel.map(([file]) => file.split("/"));
  assert.deepEqual([...new Set(found.map(([, room]) => room))].sort(), [...INSIDE].sort());
  assert.ok(found.every(({ length }) => length > 2));
});

for (const [level, room] of INSIDE.entries()) {
  Deno.test(`model/${room}/ imports nothing of the rooms after it`, () => {
    const after = INSIDE.slice(level + 1).map((name) => `model/${name}/`);
    const found = ofModel.filter(([file]) => file.startsWith(`model/${room}/`));
    assert.ok(found.length > 0);
    const faults = found.flatMap(([file, names]) =>
      names.filter((name) => after.some((other) => name.startsWith(other))).map((name) => `${file} imports ${name}`)
    );
    assert.deepEqual(faults, []);
  });
}

Deno.test("no file imports itself in a circle, types included", async () => {
  const graph = new Map((await Promise.all(ROOMS.map(importsOf))).flat()), state = new Map<string, "open" | "done">();
  const circles: string[] = [];
  const visit = (file: string, way: readonly string[]): void => {
    if (state.get(file) === "open") circles.push([...way.slice(way.indexOf(file)), file].join(" -> "));
    if (state.has(file) || !graph.has(file)) return;
    state.set(file, "open");
    for (const name of graph.get(file)!) visit(name, [...way, file]);
    state.set(file, "done");
  };
  for (const file of graph.keys()) visit(file, []);
  assert.ok(graph.size > 200);
  assert.deepEqual(circles, []);
});

Deno.test("chem/ knows nothing of tensors or HTTP, model/ nothing of HTTP", async () => {
  const forbidden = { chem: /^(hono|@hono\/|@tensorflow\/)/, model: /^(hono|@hono\/)/ };
  for (const room of ["chem", "model"] as const) {
    for (const [file, names] of await importsOf(room)) {
      assert.deepEqual(names.filter((name) => forbidden[room].test(name)), [], file);
    }
  }
});
