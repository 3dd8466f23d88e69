/**
 * Positions by a network that is told the graph: the samplings of `POST /generate`, with classes and bond orders put into each latent. Heavy atoms are where the latent has
 * them; hydrogens follow by geometry from the vectors of their atom, as in new molecules.
 */
import { CHEMISTRIES, type Chemistry } from "../../chem/chemistry.ts";
import { distanceBounds, scaledBounds } from "../../chem/conformers/bounds.ts";
import type { MoleculeGraph } from "../../chem/conformers/graph.ts";
import type { PositionSource } from "../../chem/conformers/source.ts";
import type { GivenGraph } from "../diffusion/given_graph.ts";
import { latentLength } from "../diffusion/latent.ts";
import { makeGrid } from "../diffusion/grids.ts";
import { planSampling } from "../diffusion/samplers/mod.ts";
import { findNativeLibrary } from "../engines/c/native_library.ts";
import { loadModel, type Model } from "../models/load.ts";
import { conformerSettings, startsOf } from "../models/settings.ts";
import { drawsConformers } from "../models/told.ts";
import { readLatent } from "../networks/heavy_atom/decode.ts";
import { parentsOf } from "../networks/heavy_atom/examples.ts";
import { givenGraph } from "../networks/heavy_atom/given_graph.ts";
import { ANGSTROM, formOf } from "../networks/heavy_atom/space.ts";

/** A source for graphs that its network knows. */
export interface NetworkSource extends PositionSource {
  /** Why it has no positions for a graph; undefined where it has. */
  refusal(graph: MoleculeGraph): string | undefined;
}

/** A model that draws positions. */
export interface NetworkSources {
  /** At this number of steps. */
  at(steps: number): NetworkSource;
  dispose(): void;
}

/** What a graph is said in. */
interface Words {
  readonly chemistry: Chemistry;
  readonly classes: Parameters<typeof givenGraph>[1];
  readonly form: ReturnType<typeof formOf>;
  /** Fewest and most heavy atoms: those of the training data's smallest and largest molecules. */
  readonly least: number;
  readonly most: number;
}

function wordsOf({ card }: Pick<Model, "card">): Words {
  const { autoencoder, chemistry, name } = card, sizes = Object.keys(card.sizes).map(Number);
  if (!drawsConformers(card) || autoencoder.type !== "heavy-atom") {
    throw new RangeError(`conformers must be of a model that is told that the graph is given; ${name} is not`);
  }
  return {
    chemistry: CHEMISTRIES[chemistry],
    classes: autoencoder.classes,
    form: formOf(autoencoder),
    least: Math.min(...sizes),
    most: Math.max(...sizes),
  };
}

/** The hydrogens in the order in which a latent's come: those of the first heavy atom, of the second, and so on. */
function hydrogensOf({ atomicNumbers, bonds }: MoleculeGraph): number[] {
  const parents = parentsOf(bonds, atomicNumbers);
  return [...parents.keys()].sort((a, b) => parents.get(a)! - parents.get(b)! || a - b);
}

/**
 * The model in a folder, loaded on one thread: of the native engine where it has been built and may be opened, else of that in WebAssembly. A GPU is left to requests for new molecules.
 *
 * @throws as `loadModel`; RangeError where it is not told of given graphs
 */
export async function openNetworkSources(folder: string): Promise<NetworkSources> {
  const may = Deno.permissions.querySync({ name: "ffi" }).state === "granted";
  const backend = may && findNativeLibrary().path !== undefined ? "native" : "wasm";
  const model = await loadModel(folder, { backend, threads: 1, decoders: 0 });
  try {
    const words = wordsOf(model), denoiser = await model.denoiser();
    return {
      at: (steps) => sourceOf(model, words, denoiser.can.sample!, denoiser.space, steps),
      dispose: () => model.dispose(),
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** The graph in the model's words, or why it has none. */
function said(graph: MoleculeGraph, { classes, chemistry, form, least, most }: Words): GivenGraph | string {
  const heavy = graph.atomicNumbers.filter((Z) => Z > 1).length;
  if (heavy < least || heavy > most) {
    return `it knows molecules of ${least} to ${most} heavy atoms; this one has ${heavy}`;
  }
  try {
    return givenGraph(graph, classes, chemistry, form);
  } catch (error) {
    if (error instanceof RangeError) return `it does not know an atom: ${error.message}`;
    throw error;
  }
}

function sourceOf(
  { card, schedule }: Model,
  words: Words,
  sample: NonNullable<Awaited<ReturnType<Model["denoiser"]>>["can"]["sample"]>,
  space: Model["card"]["space"],
  steps: number,
): NetworkSource {
  const { algorithm, grid: spec, options, autoguidance } = conformerSettings(card, steps),
    grid = makeGrid(spec, steps, schedule);
  const plan = planSampling(algorithm, schedule, grid, options), startOf = startsOf(card, spec, schedule(grid[0]));
  return {
    name: card.name,
    refusal(graph) {
      const own = said(graph, words);
      return typeof own === "string" ? own : undefined;
    },
    async *draw(graph, most, seed, likely = most) {
      const own = said(graph, words);
      if (typeof own === "string") return;
      const { nodes } = own, length = latentLength(space, nodes), hydrogens = hydrogensOf(graph);
      // One that begins at noise needs no bounds to embed.
      const start = startOf(nodes);
      const bounds = start && scaledBounds(distanceBounds(graph, "heavy", words.chemistry), 1 / ANGSTROM);
      for (let first = 0; first < most;) {
        const batch = Math.min(most - first, first === 0 ? likely : Math.ceil(likely / 2));
        const { x0 } = await sample({
          ...{
            shape: { batch, nodes },
            plan,
            start,
            coupling: card.coupling,
            seed,
            graph: { ...own, bounds },
            condition: { autoguidance },
          },
          indices: Array.from({ length: batch }, (_, k) => first + k),
        });
        for (let k = 0; k < batch; k++) {
          const drawn = readLatent(x0, nodes, words.classes, k * length, "argmax", words.chemistry, words.form);
          yield placed(drawn.molecule.positions, nodes, hydrogens);
        }
        first += batch;
      }
    },
  };
}

/** Positions in the graph's order: the latent's hydrogens come atom by atom, the graph's anyhow. */
function placed(positions: Float32Array, nodes: number, hydrogens: readonly number[]): Float64Array {
  const out = Float64Array.from(positions);
  hydrogens.forEach((place, k) => out.set(positions.subarray(3 * (nodes + k), 3 * (nodes + k + 1)), 3 * place));
  return out;
}
