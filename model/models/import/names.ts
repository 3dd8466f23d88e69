/** GeoLDM's and EDM's parameter names to those of `egnn_parameters.ts`, PyTorch's `[out, in]` matrices to `[in, out]`. */
import type { EgnnSizes } from "../../networks/egnn_parameters.ts";
import type { TorchTensor } from "./torch_file.ts";

/** A state dict; `take` marks an entry as used. */
export interface StateDict {
  /** @throws RangeError where there is none */
  take(name: string): TorchTensor;
  /** Entries that nothing took. */
  unused(): string[];
}

/** @param tensors names may carry `module.`, of a model saved from torch.nn.DataParallel */
export function stateDict(tensors: ReadonlyMap<string, TorchTensor>): StateDict {
  const named = new Map([...tensors].map(([name, tensor]) => [name.replace(/^module\./, ""), tensor]));
  const left = new Set(named.keys());
  return {
    take(name) {
      const tensor = named.get(name);
      if (!tensor) throw new RangeError(`the checkpoint has no tensor ${name}; do its arguments belong to it?`);
      left.delete(name);
      return tensor;
    },
    unused: () => [...left],
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
  if (!(first.shape[1] > 2 * width)) {
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
