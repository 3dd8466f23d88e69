/** Positions for given molecules by a network that is told the graph. */
import assert from "node:assert/strict";
import { ensembleOf } from "../../../chem/conformers/ensemble.ts";
import { type NetworkSource, openNetworkSources } from "../../../model/generation/network_source.ts";
import { fields, graphOf, rdkit } from "../../chem/conformers/tools.ts";
import { TOLD_GRAPH, UNTOLD_GRAPH } from "../graph_told.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";

const withSource = (work: (source: NetworkSource) => Promise<void>) =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root, TOLD_GRAPH);
    const sources = await openNetworkSources(folder);
    try {
      await work(sources.at(2));
    } finally {
      sources.dispose();
    }
  });

Deno.test("a network draws positions for a graph: of its own atoms, by the seed alone, each hydrogen at its own atom", () =>
  withSource(async (source) => {
    const graph = graphOf("CC(=O)Oc1ccccc1S"), all = await Array.fromAsync(source.draw(graph, 5, 7));
    assert.equal(source.refusal(graph), undefined);
    assert.equal(all.length, 5);
    for (const x of all) {
      assert.equal(x.length, 3 * graph.atomicNumbers.length);
      for (const { i, j } of graph.bonds) {
        if (graph.atomicNumbers[j] !== 1) continue;
        const d = Math.hypot(...[0, 1, 2].map((a) => x[3 * i + a] - x[3 * j + a]));
        assert.ok(d > 0.8 && d < 1.5, `${d} angstrom from atom ${i} to its hydrogen ${j}`);
      }
    }
    assert.notDeepEqual(all[0], all[1]);
    // In other pieces, in other company.
    assert.deepEqual(await Array.fromAsync(source.draw(graph, 5, 7, 2)), all);
    assert.deepEqual(await Array.fromAsync(source.draw(graph, 2, 7)), all.slice(0, 2));
    const ensemble = await ensembleOf(
      graphOf("CCO"),
      { count: 2, seed: 1, refine: "mmff94", temperature: 300, rmsd: 0.1, resample: false },
      { rdkit, fields, source },
    );
    assert.equal(ensemble.by, "tiny");
  }));

Deno.test("a network says why it has no positions for a graph", () =>
  withSource(async (source) => {
    assert.match(
      source.refusal(graphOf("CCI"))!,
      /^it does not know an atom: .*got atomic number 53 with 0 hydrogens$/,
    );
    assert.equal(
      source.refusal(graphOf("CCCCCCCCCCCCC")),
      "it knows molecules of 2 to 12 heavy atoms; this one has 13",
    );
    assert.equal(source.refusal(graphOf("O")), "it knows molecules of 2 to 12 heavy atoms; this one has 1");
    assert.deepEqual(await Array.fromAsync(source.draw(graphOf("CCI"), 3, 1)), []);
  }));

Deno.test("conformers are refused of a network that is not told the graph", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root, UNTOLD_GRAPH);
    await assert.rejects(openNetworkSources(folder), {
      name: "RangeError",
      message: "conformers must be of a model that is told that the graph is given; tiny is not",
    });
  }));
