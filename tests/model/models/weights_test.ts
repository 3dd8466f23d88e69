import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { digestCommand } from "../../../main/digest.ts";
import { allFinite, checkFinite } from "../../../model/diffusion/finite.ts";
import { readSafetensors, writeSafetensors } from "../../../model/diffusion/safetensors.ts";
import { parseCard, readCard } from "../../../model/models/card.ts";
import { listModels, loadModel } from "../../../model/models/load.ts";
import { networkOf } from "../../../model/models/overlay.ts";
import {
  checkDigests,
  readWeights,
  readWeightsFile,
  recordDigests,
  sha256Of,
  weightsOf,
} from "../../../model/models/weights.ts";
import { writeModel } from "../../../model/training/export.ts";
import { readFirstValues } from "../../../model/training/first_values.ts";
import { snapshot } from "../../../model/service/jobs/snapshot.ts";
import { flip, spoil, student, withFolder, writeCompact, writeTinyModel } from "../tiny_model.ts";

const cpu = { backend: "cpu" } as const, FILE = "denoiser.safetensors";

const shipped = fileURLToPath(new URL("../../../weights", import.meta.url));
for (const { name } of Deno.readDirSync(shipped)) {
  Deno.test(`weights/${name}/card.json has the digests of its weights (deno task digest --folder weights/${name})`, async () => {
    const folder = join(shipped, name);
    assert.deepEqual(await checkDigests(folder, await readCard(folder)), []);
  });
}

Deno.test("recordDigests() enters the digest of each file beside its name, once, and nothing else", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root, { distilled: [student(8), student(4)] }),
      path = join(folder, "card.json");
    const before = await readCard(folder), words: string[] = [];
    const faults = await recordDigests(folder);
    assert.deepEqual(faults.map(({ file, sha256 }) => [file, sha256]), [
      [FILE, undefined],
      [student(8).file, undefined],
      [student(4).file, undefined],
    ]);
    const text = await Deno.readTextFile(path), card = await readCard(folder);
    for (const { file, sha256 } of weightsOf(card)) {
      assert.equal(sha256, sha256Of(await Deno.readFile(join(folder, file))));
    }
    const plain = JSON.parse(text, (key, value) => key === "sha256" ? undefined : value);
    assert.deepEqual(parseCard(plain), before);
    assert.equal(networkOf(card), networkOf(before)); // students in service stay in service
    assert.deepEqual([await recordDigests(folder), await Deno.readTextFile(path)], [[], text]);

    await Deno.writeFile(
      join(folder, FILE),
      writeSafetensors(new Map([["w", { shape: [1], data: Float32Array.of(2) }]])),
    );
    const terminal = {
      out: () => {},
      error: (line: string) => void words.push(line),
      interactive: false,
      environment: {},
      signal: new AbortController().signal,
    };
    assert.equal(await digestCommand.run(["--folder", folder, "--check"], terminal), 1);
    assert.match(words.join(), new RegExp(`denoiser.safetensors: sha256 .*; the card has ${faults[0].found}`));
    assert.equal(await Deno.readTextFile(path), text);
    assert.equal(await digestCommand.run(["--folder", folder], terminal), 0);
    assert.equal(await digestCommand.run(["--folder", folder, "--check"], terminal), 0);
  }));

Deno.test("loadModel() refuses weights of another digest, naming file, expected and found; cards without digests load", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root), path = join(folder, FILE);
    (await loadModel(folder, cpu)).dispose();
    const [{ found: expected }] = await recordDigests(folder);
    (await loadModel(folder, cpu)).dispose();
    await flip(path);
    const found = sha256Of(await Deno.readFile(path));
    await assert.rejects(loadModel(folder, cpu), (error) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, new RegExp(`${FILE}: sha256 must be ${expected}, .*; got ${found}`));
      return true;
    });
  }));

Deno.test("loadModel() and readFirstValues() refuse weights that are not finite, naming tensor and place", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root), path = join(folder, FILE);
    for (const value of [NaN, -Infinity]) {
      await spoil(path, value);
      const message = new RegExp(`${FILE}: finite weights asked, .* has ${value} at 3`);
      await assert.rejects(loadModel(folder, cpu), message);
      await assert.rejects(readFirstValues(path), message);
    }
  }));

Deno.test("writeModel() writes the digests of its files, and nothing where a weight is not finite", () =>
  withFolder(async (root) => {
    const card = await readCard(await writeTinyModel(root));
    const weights = readSafetensors(await Deno.readFile(join(root, "qm9", FILE))), to = join(root, "made");
    await writeModel(to, card, new Map([[FILE, weights]]));
    const made = await readCard(to);
    assert.deepEqual(await checkDigests(to, made), []);
    assert.equal(made.denoiser.sha256, sha256Of(await Deno.readFile(join(to, FILE))));
    weights.values().next().value!.data[3] = NaN;
    await assert.rejects(
      writeModel(join(root, "not"), card, new Map([[FILE, weights]])),
      /finite weights asked.*NaN at 3/,
    );
    await assert.rejects(Deno.stat(join(root, "not")), Deno.errors.NotFound);
  }));

Deno.test("parseCard() refuses a digest that is none, and two of one file", () =>
  withFolder(async (root) => {
    const shared = { file: "shared.safetensors", levels: 8 }, digest = "0".repeat(64);
    const card = await readCard(await writeTinyModel(root));
    const entries = (...digests: (string | undefined)[]) => ({
      ...card,
      distilled: digests.map((sha256, k) => ({ ...student(2 + k), ...shared, sha256 })),
    });
    assert.equal(parseCard(entries(digest, digest)).distilled[1].sha256, digest);
    assert.throws(() => parseCard(entries("0".repeat(63))), /must be 64 lower-case hexadecimal digits/);
    assert.throws(() => parseCard(entries(digest, "1".repeat(64))), /another digest in the entry for 2 steps/);
  }));

Deno.test("readWeights() names what is no safetensors file; allFinite() finds the one number that is not", () =>
  withFolder(async (root) => {
    await Deno.writeTextFile(join(root, "text"), "no weights");
    await assert.rejects(readWeights(join(root, "text")), /text: not a sound safetensors file/);
    const values = new Float32Array(1000).fill(-3e38);
    assert.ok(allFinite(values) && allFinite(new Float32Array(0)));
    for (const [at, value] of [[0, NaN], [999, Infinity], [500, -Infinity]] as const) {
      const one = values.slice();
      one[at] = value;
      assert.equal(allFinite(one), false);
      assert.throws(
        () => checkFinite(new Map([["w", { data: one }]]), "here"),
        new RegExp(`here: .* w has ${value} at ${at}`),
      );
    }
  }));

Deno.test("files of weights that lie compressed are what they were, for models, digests, differences and jobs", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(`${root}/weights`, { distilled: [student(4)] }), path = join(folder, FILE);
    const file = student(4).file;
    await writeCompact(folder, file);
    await recordDigests(folder);
    const files = [FILE, file], before = await Promise.all(files.map((name) => readWeightsFile(join(folder, name))));
    for (const name of files) {
      await Deno.writeFile(join(folder, `${name}.gz`), gzipSync(await Deno.readFile(join(folder, name))));
      await Deno.remove(join(folder, name));
    }
    const after = await Promise.all(files.map((name) => readWeightsFile(join(folder, name))));
    assert.deepEqual(after, before);
    assert.deepEqual(await checkDigests(folder, await readCard(folder)), []);
    const [entry] = await listModels([`${root}/weights`]), job = await snapshot(entry, `${root}/job`);
    const names = [...Deno.readDirSync(job)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["card.json", ...files.map((name) => `${name}.gz`)].sort());
    const model = await loadModel(job, cpu);
    await model.denoiser(4);
    model.dispose();

    await Deno.writeFile(path, await Deno.readFile(`${path}.gz`));
    await assert.rejects(readWeights(path), /sound safetensors/, "a file by its own name is read as it is");
    await Deno.remove(path);
    await Deno.truncate(`${path}.gz`, 100);
    const damaged = { name: "TypeError", message: /denoiser\.safetensors\.gz: not sound gzip .*damaged/ };
    await assert.rejects(readWeights(path), damaged);
    await Deno.remove(`${path}.gz`);
    await assert.rejects(readWeights(path), { name: "NotFound", message: /denoiser\.safetensors'/ });
  }));
