/** GeoLDM's and EDM's parameter names to those of `egnn_parameters.ts`, PyTorch's `[out, in]` matrices to `[in, out]`. */
import type { EgnnSizes } from "../../networks/egnn_parameters.ts";
import type { TorchTensor } from "./torch_file.ts";

/** A state dict; `take` marks an entry as used. */
export interface StateDict {
  /** A tensor of no numbers stands for one that is missing, until {@link StateDict.refuseRest}. */
  take(name: string): TorchTensor;
  /** @throws RangeError listing what was taken and is not there, and what nothing took, but for what `ignored` says */
  refuseRest(ignored: (name: string) => boolean): void;
}

/** What wrappers put into names: torch.nn.DataParallel, torch.compile. */
const WRAPPERS: readonly string[] = ["module", "_orig_mod"];

/** What a whole training module puts before the names of the model that it holds, averaged weights first. */
const HOLDERS = ["ema.", "ema_model.", "model_ema.", "model."] as const;

/** Names of a list in full, as far as they are not too many. */
const listed = (names: readonly string[], most = 20) =>
  names.slice(0, most).join(", ") + (names.length > most ? ` and ${names.length - most} more` : "");

/** Without what wrappers and holders put into names; of several holders the first. @throws RangeError where two become one */
function unwrapped(tensors: ReadonlyMap<string, TorchTensor>): Map<string, TorchTensor> {
  const plain = (name: string) => name.split(".").filter((part) => !WRAPPERS.includes(part)).join(".");
  const all = [...tensors].map(([name, tensor]) => [plain(name), tensor] as const);
  const has = (prefix: string) => all.some(([name]) => name.startsWith(`${prefix}dynamics.`));
  const holder = has("") ? "" : HOLDERS.find(has) ?? "";
  const own = all.filter(([name]) => name.startsWith(holder)).map(([name, one]) =>
    [name.slice(holder.length), one] as const
  );
  const named = new Map(own);
  if (named.size < own.length) throw new RangeError("the checkpoint has tensors twice, in wrappers and without");
  return named;
}

/** @param tensors names may carry what wrappers put there */
export function stateDict(tensors: ReadonlyMap<string, TorchTensor>): StateDict & { has(prefix: string): boolean } {
  const named = unwrapped(tensors), left = new Set(named.keys()), missing: string[] = [];
  return {
    has: (prefix) => [...named.keys()].some((name) => name.startsWith(prefix)),
    take(name) {
      left.delete(name);
      const tensor = named.get(name);
      if (!tensor) missing.push(name);
      return tensor ?? { shape: [0, 0], data: new Float32Array(0) };
    },
    refuseRest(ignored) {
      const surplus = [...left].filter((name) => !ignored(name));
      const faults = [
        ...missing.length > 0
          ? [`the checkpoint has no tensor ${listed(missing)} (${missing.length} are missing)`]
          : [],
        ...surplus.length > 0 ? [`${surplus.length} tensors have no place in this model: ${listed(surplus)}`] : [],
      ];
      if (faults.length > 0) throw new RangeError(`${faults.join("; ")}; do the arguments belong to the checkpoint?`);
    },
  };
}

/** Columns `[from, to)` of a matrix `[out, in]` as `[to - from, out]`. */
function transposed({ shape: [rows, columns], data }: TorchTensor, from = 0, to = columns): TorchTensor {
  const out = new Float32Array((to - from) * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = from; column < to; column++) out[(column - from) * rows + row] = data[row * columns + column];
  }
  return { shape: [to - from, rows], data: out };
}

/** Parameters being collected under their names here. */
export type Collected = Map<string, TorchTensor>;

/** A torch.nn.Linear with bias. */
export function takeLinear(state: StateDict, from: string, into: Collected, to: string): void {
  into.set(`${to}.weight`, transposed(state.take(`${from}.weight`)));
  into.set(`${to}.bias`, state.take(`${from}.bias`));
}

/** The two layers of an edge or coordinate network; the first one's matrix falls into three (see `egnn.ts`). */
function takePairs(state: StateDict, from: string, into: Collected, to: string, width: number): void {
  const first = state.take(`${from}.0.weight`);
  if (first.data.length > 0 && !(first.shape[1] > 2 * width)) {
    throw new RangeError(
      `${from}.0.weight must have more than ${2 * width} columns for width ${width}; got [${first.shape}]`,
    );
  }
  into.set(`${to}.source`, transposed(first, 0, width));
  into.set(`${to}.target`, transposed(first, width, 2 * width));
  into.set(`${to}.distances`, transposed(first, 2 * width));
  into.set(`${to}.bias`, state.take(`${from}.0.bias`));
  takeLinear(state, `${from}.2`, into, `${to}.hidden`);
}

/** A whole EGNN, from the names below `from` to those below `to`. */
export function takeEgnn(state: StateDict, from: string, into: Collected, to: string, sizes: EgnnSizes): void {
  takeLinear(state, `${from}embedding`, into, `${to}embedding`);
  takeLinear(state, `${from}embedding_out`, into, `${to}embedding_out`);
  for (let b = 0; b < sizes.blocks; b++) {
    for (let l = 0; l < sizes.invariantLayers; l++) {
      const theirs = `${from}e_block_${b}.gcl_${l}`, ours = `${to}blocks.${b}.messages.${l}`;
      takePairs(state, `${theirs}.edge_mlp`, into, ours, sizes.width);
      if (sizes.attention) takeLinear(state, `${theirs}.att_mlp.0`, into, `${ours}.attention`);
      takeLinear(state, `${theirs}.node_mlp.0`, into, `${ours}.node`);
      takeLinear(state, `${theirs}.node_mlp.2`, into, `${ours}.update`);
    }
    const theirs = `${from}e_block_${b}.gcl_equiv.coord_mlp`, ours = `${to}blocks.${b}.coordinates`;
    takePairs(state, theirs, into, ours, sizes.width);
    into.set(`${ours}.out`, transposed(state.take(`${theirs}.4.weight`)));
  }
}
