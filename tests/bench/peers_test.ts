import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { evenSizes, writeInputs } from "../../bench/peers/inputs.ts";
import { benchNetwork, placeOf } from "../../bench/peers/network.ts";
import { readPeersOptions, usage } from "../../bench/peers/options.ts";
import { commitOf, startPeer } from "../../bench/peers/process.ts";
import { benchSampling, secondsFor, stepsOf } from "../../bench/peers/sampling.ts";
import { inputsOf } from "../../bench/subject.ts";
import { startProgram } from "../../bench/subject_process.ts";
import { listModels } from "../../model/models/load.ts";
import { withFolder, writeTinyModel } from "../model/tiny_model.ts";

const python = Deno.env.get("MOLSTEP_PYTHON") ?? "python3", geoldm = Deno.env.get("MOLSTEP_GEOLDM");

async function runs(...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(python, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

const hasPython = await runs("--version"), hasPeer = geoldm !== undefined && await runs("-c", "import torch, numpy");
const path = (url: string) => fileURLToPath(new URL(url, import.meta.url));
const standIn = (subject: unknown) =>
  startProgram(python, [path("./stand_in.py"), path("../../bench/peers"), JSON.stringify(subject)], 20);

Deno.test("secondsFor() counts steps and what surrounds them", () => {
  assert.equal(secondsFor(1000, { rest: 2, whole: 6, steps: 4 }), 1002);
  assert.equal(secondsFor(16, { rest: 2, whole: 6, steps: 4 }), 18);
  assert.throws(() => secondsFor(16, { rest: 2, whole: 2, steps: 4 }), /4 steps took 2 s/);
});

Deno.test("stepsOf() gives AccGeoLDM its students' steps, and the others 1000", () => {
  assert.deepEqual(stepsOf("accgeoldm", [125, 16]), [125, 16]);
  assert.deepEqual(stepsOf("geoldm", [125, 16]), [1000]);
});

Deno.test("evenSizes() takes sizes as often as the data has them, ascending", () => {
  assert.deepEqual(evenSizes({ "10": 1, "9": 2, "3": 1 }, 8), [3, 3, 9, 9, 9, 9, 10, 10]);
  assert.deepEqual(evenSizes({ "18": 5, "29": 1 }, 2), [18, 18]);
});

Deno.test("placeOf() prefers the engine", () => {
  assert.equal(placeOf("wasm"), "wasm engine");
  assert.equal(placeOf("tensorflow"), "tfjs tensorflow");
});

Deno.test("inputsOf() gives molecule i the same noise whatever its group, and groups a mixture by size", () => {
  const space = { vectors: 1, scalars: 2, pairs: 0 }, [one] = inputsOf(space, [3], 4);
  const [small, large] = inputsOf(space, [2, 3], 4);
  assert.deepEqual([small.shape, large.shape], [{ batch: 2, nodes: 2 }, { batch: 2, nodes: 3 }]);
  assert.deepEqual(large.z, one.z.slice(2 * 3 * 5));
});

Deno.test("writeInputs() writes the numbers that ours are called on, and the molecules' sizes", async () => {
  const space = { vectors: 1, scalars: 2, pairs: 0 };
  await withFolder(async (folder) => {
    const what = await writeInputs(folder, space, [2, 3, 3], 6), file = join(folder, what.split(" ")[1]);
    assert.match(what, /^network \S+$/);
    const z = new Float32Array((await Deno.readFile(file)).buffer), groups = inputsOf(space, [2, 3, 3], 6);
    assert.deepEqual(z, Float32Array.from(groups.flatMap((group) => [...group.z])));
    const { sizes } = JSON.parse(await Deno.readTextFile(`${file}.json`));
    assert.deepEqual(sizes, [2, 2, 3, 3, 3, 3]);
    assert.equal(z.length, (2 * 2 + 4 * 3) * 5);
  });
});

Deno.test("readPeersOptions() needs GeoLDM, and refuses what it does not know", () => {
  const options = readPeersOptions(["--geoldm", "there", "--batches", "1,8", "--only", "network"]);
  assert.deepEqual(options.batches, [1, 8]);
  assert.deepEqual(options.only, ["network"]);
  assert.deepEqual(options.backend, ["wasm", "native"]);
  assert.throws(() => readPeersOptions([]), /--geoldm must be given/);
  assert.throws(() => readPeersOptions(["--geoldm", "x", "--only", "speed"]), /--only speed/);
  assert.throws(() => readPeersOptions(["--geoldm", "x", "--batches", "1,0"]), /--batches 1,0/);
  assert.throws(() => readPeersOptions(["--geoldm", "x", "--fast"]), /--fast/);
  assert.match(usage(), /deno task bench:peers \[options\]/);
});

Deno.test("commitOf() is null where there is no repository", async () => {
  assert.equal(await commitOf("/"), null);
});

Deno.test("driver.py answers questions, and goes on after a call that failed", { ignore: !hasPython }, async () => {
  const process = await standIn({ peer: "stand-in", path: "here" });
  try {
    assert.equal(process.why, "a stand-in at here");
    const { calls, seconds, sample } = await process.measure({ batch: 7, seconds: 0.5 });
    assert.deepEqual([calls, seconds, sample], [2, 0.5, [7, 7, 7]]);
    await assert.rejects(process.measure({ batch: 7, what: "fail", seconds: 0 }), /RuntimeError: out of memory/);
    assert.deepEqual((await process.measure({ batch: 8, seconds: 0 })).sample, [8, 8, 8]);
    await assert.rejects(process.measure({ batch: 7, what: "crash", seconds: 0 }), /ended by code 3/);
  } finally {
    await process.close();
  }
});

Deno.test("driver.py says why a peer does not open", { ignore: !hasPython }, async () => {
  await assert.rejects(standIn({ peer: "other", path: "" }), /ValueError: a peer is stand-in; other given/);
});

const small = { nf: 32, n_layers: 2 };

Deno.test("startPeer() refuses a folder that is no checkout", { ignore: !hasPeer }, async () => {
  await assert.rejects(startPeer(python, { peer: "geoldm", path: path(".") }, 60), /is no checkout of geoldm/);
});

Deno.test("benchNetwork() finds GeoLDM's own network and ours equal on the same weights", {
  ignore: !hasPeer,
}, async () => {
  const { rows } = await benchNetwork({
    ...{
      python,
      peer: { peer: "geoldm", path: geoldm!, passive: true, sizes: small },
      compile: false,
      bfloat16: false,
    },
    ...{ backends: ["wasm"], atoms: 5, batches: [2], mixture: 4, seconds: 0, rounds: 1, limit: 60 },
  });
  assert.deepEqual(rows.map(({ atoms, backend }) => [atoms, backend]), [
    ["5", "GeoLDM"],
    ["5", "wasm engine"],
    ["QM9's sizes", "GeoLDM"],
    ["QM9's sizes", "wasm engine"],
  ]);
  for (const { ratio, difference, note } of rows) {
    assert.ok(Number(ratio) > 0 && Number(difference) < 1e-5, `${ratio}, ${difference}, ${note}`);
  }
});

Deno.test("benchSampling() gives peers and our service in turns a row each, and says what is absent", {
  ignore: !hasPeer,
}, async () => {
  await withFolder(async (root) => {
    const folder = await writeTinyModel(root),
      [entry] = (await listModels([root])).filter((one) => one.folder === folder);
    const { rows } = await benchSampling({
      ...{ python, peerBatch: 2, peerSteps: 20, entry, backends: ["wasm"], steps: [4], molecules: 2 },
      ...{ seconds: 0, rounds: 1, limit: 60 },
      peers: [
        { peer: "geoldm", path: geoldm!, passive: true, sizes: small, each: [1000] },
        // AccGeoLDM's network and sampler are GeoLDM's.
        { peer: "accgeoldm", path: geoldm!, passive: true, sizes: small, steps: 4, each: [16, 4] },
        { peer: "edm", path: path("."), each: [1000] },
      ],
    });
    assert.deepEqual(rows.map(({ of, on, steps }) => [of, on, steps]), [
      ["GeoLDM", "PyTorch", 1000],
      ["AccGeoLDM", "PyTorch", 16],
      ["AccGeoLDM", "PyTorch", 4],
      ["Molstep", "wasm", 4],
      ["EDM", "PyTorch", null],
    ]);
    const rates = rows.map((row) => Number(row["molecules/s"]));
    assert.ok(rates[0] > 0 && rates[1] > rates[0] && rates[2] > rates[1], rates.join());
    assert.ok(Math.abs(Number(rows[3].ratio) / (rates[3] / rates[0]) - 1) < 1e-9);
    assert.ok(Math.abs(Number(rows[3]["to AccGeoLDM"]) / (rates[3] / rates[2]) - 1) < 1e-9);
    assert.equal(rows[0]["to AccGeoLDM"], null);
    assert.match(String(rows[4].note), /is no checkout of edm/);
  });
});
