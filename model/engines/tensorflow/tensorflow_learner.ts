/** A learner on TensorFlow.js: any loss that is a function of named parameters and a group. */
import type * as tfjs from "@tensorflow/tfjs";
import type { LossTensors } from "../../networks/pair_attention/loss.ts";
import type { Tensors, Tf } from "../../networks/pair_attention/layers.ts";
import type { ParameterSpec } from "../../networks/pair_attention/parameters.ts";
import { adamStep } from "./adamw.ts";
import {
  type Asked,
  checkJudged,
  type Group,
  type Judged,
  type Learner,
  type Losses,
  needMolecules,
  type Rates,
  type State,
  STATE_PARTS,
} from "../../diffusion/learner.ts";
import { muonStep } from "./muon.ts";

/** What is learned, from which values, by which loss. */
export interface TensorflowLearnerOptions<G> {
  /** The backend's name, for reports. */
  readonly backend: string;
  /** Names, shapes, and which optimiser turns each. */
  readonly specs: readonly Pick<ParameterSpec, "name" | "shape" | "optimiser">[];
  /** First values of the parameters and of their moving averages. */
  readonly values: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  /** Mean loss over a group's molecules, differentiable in `params`. */
  readonly loss: (params: Tensors, group: G) => LossTensors;
  /** Estimates of x0 `[B, L]`, differentiable in `params` and in `z` `[B, L]`, which are the numbers of `asked.z`. */
  readonly estimate?: (params: Tensors, asked: Asked, z: tfjs.Tensor2D) => tfjs.Tensor;
}

type Named = Record<string, tfjs.Tensor>;
/** The learner's tensors by the prefixes of {@link State}. */
type Store = Record<typeof STATE_PARTS[number], Named>;

/** Creates the learner on the backend that is active in `tf`. */
export function createTensorflowLearner<G extends Pick<Group, "shape">>(
  tf: Tf,
  options: TensorflowLearnerOptions<G>,
): Learner<G> {
  const { backend, specs, values, loss, estimate } = options;
  const names = specs.map(({ name }) => name);
  const muon = specs.filter(({ optimiser }) => optimiser === "muon").map(({ name }) => name);
  const adamw = specs.filter(({ optimiser }) => optimiser === "adamw").map(({ name }) => name);
  /** Which names each part of the store holds. */
  const holds: Record<keyof Store, string[]> = {
    params: names,
    ema: names,
    momentum: muon,
    first: adamw,
    second: adamw,
  };
  const shapes = new Map(specs.map(({ name, shape }) => [name, [...shape]]));
  const fill = (list: readonly string[], make: (name: string) => tfjs.Tensor): Named =>
    Object.fromEntries(list.map((name) => [name, make(name)]));
  const given = (name: string) => {
    const value = values.get(name), shape = shapes.get(name)!;
    if (value?.shape.join() !== shape.join()) throw new RangeError(`first value of ${name} [${shape}] is missing`);
    return tf.tensor(value.data, shape);
  };
  const zeros = (name: string) => tf.zeros(shapes.get(name)!);
  let store: Store = {
    params: fill(names, given),
    ema: fill(names, given),
    momentum: fill(muon, zeros),
    first: fill(adamw, zeros),
    second: fill(adamw, zeros),
  };
  let updates = 0;

  const named = (tensors: readonly tfjs.Tensor[]): Named =>
    Object.fromEntries(names.map((name, k) => [name, tensors[k]]));
  const add = (into: Named, name: string, x: tfjs.Tensor) => {
    const before = into[name];
    into[name] = before ? tf.add(before, x) : x;
    if (before) tf.dispose([before, x]);
  };

  /** The sum over groups of `value(params, group, share)`, and of its gradients; the share is that of the molecules. */
  function differentiate<Part extends Pick<Group, "shape">>(
    groups: readonly Part[],
    value: (params: Tensors, group: Part, share: number) => tfjs.Scalar,
  ): { total: tfjs.Tensor; gradients: Named } {
    const all = needMolecules(groups), sums: Named = {}, gradients: Named = {};
    for (const group of groups) {
      const found = tf.valueAndGrads((...tensors: tfjs.Tensor[]) =>
        value(named(tensors), group, group.shape.batch / all)
      )(names.map((name) => store.params[name]));
      add(sums, "total", found.value);
      names.forEach((name, k) => add(gradients, name, found.grads[k]));
    }
    return { total: sums.total, gradients };
  }

  /** Reads scalars off the device and frees them. */
  async function read(sums: Named): Promise<Losses> {
    const entries = await Promise.all(
      Object.entries(sums).map(async ([name, x]) => [name, (await x.data())[0]] as const),
    );
    tf.dispose(sums);
    const { total, ...parts } = Object.fromEntries(entries);
    return { total, parts };
  }

  /** The new store after a step along `gradients`, scaled to a global norm of at most `clip`. */
  function step(gradients: Named, norm: number, rates: Rates): Store {
    return tf.tidy(() => {
      const scale = Math.min(1, rates.clip / Math.max(norm, 1e-12));
      const clipped = scale < 1 ? fill(names, (name) => tf.mul(gradients[name], scale)) : gradients;
      const turned = muonStep(tf, muon, store.params, store.momentum, clipped, rates.muon);
      const adam = adamStep(tf, adamw, store, clipped, rates.adamw, updates + 1);
      const params = { ...turned.params, ...adam.params };
      const ema = fill(
        names,
        (name) => tf.add(tf.mul(store.ema[name], rates.emaDecay), tf.mul(params[name], 1 - rates.emaDecay)),
      );
      return { params, ema, momentum: turned.momenta, first: adam.first, second: adam.second };
    });
  }

  /** Takes the step where the gradients are finite, and frees them. Their norm. */
  async function move(gradients: Named, rates: Rates): Promise<number> {
    const normTensor = tf.tidy(() => tf.sqrt(tf.addN(names.map((name) => tf.sum(tf.square(gradients[name]))))));
    const norm = (await normTensor.data())[0];
    normTensor.dispose();
    if (Number.isFinite(norm)) {
      const next = step(gradients, norm, rates);
      disposeStore();
      store = next;
      updates++;
    }
    tf.dispose(gradients);
    return norm;
  }

  const disposeStore = () => tf.dispose(Object.values(store).map((named) => Object.values(named)));

  /** What a learner can do that knows its network's estimates. */
  function estimating(estimate: NonNullable<typeof options.estimate>): Partial<Learner<G>> {
    const latents = ({ z, shape: { batch } }: Asked) => tf.tensor2d(z, [batch, z.length / batch]);
    /** <gradient, x0> over all molecules. */
    const along = (params: Tensors, judged: Judged, z: tfjs.Tensor2D) => {
      const x0 = estimate(params, judged, z);
      return tf.sum(tf.mul(x0, tf.tensor(judged.gradient, x0.shape))) as tfjs.Scalar;
    };
    const numbers = async (x: tfjs.Tensor) => {
      try {
        return await x.data() as Float32Array;
      } finally {
        x.dispose();
      }
    };
    return {
      predict: (asked, which) => numbers(tf.tidy(() => estimate(store[which], asked, latents(asked)))),
      async step(groups, rates) {
        groups.forEach(checkJudged);
        const all = needMolecules(groups);
        const { total, gradients } = differentiate(
          groups,
          (params, group) => tf.mul(along(params, group, latents(group)), 1 / all) as tfjs.Scalar,
        );
        total.dispose();
        return await move(gradients, rates);
      },
      async inputGradient(judged) {
        checkJudged(judged);
        return await numbers(
          tf.tidy(() => tf.grad((z) => along(store.params, judged, z as tfjs.Tensor2D))(latents(judged))),
        );
      },
    };
  }

  return {
    backend,
    async update(groups, rates) {
      const kept: [name: string, part: tfjs.Tensor][] = [], sums: Named = {};
      const { total, gradients } = differentiate(groups, (params, group, share) => {
        const losses = loss(params, group);
        for (const [name, part] of Object.entries(losses.parts)) kept.push([name, tf.keep(tf.mul(part, share))]);
        return tf.mul(losses.total, share) as tfjs.Scalar;
      });
      for (const [name, part] of kept) add(sums, name, part);
      const norm = await move(gradients, rates);
      const losses = await read({ total, ...sums });
      return Number.isFinite(norm) ? losses : { ...losses, total: NaN };
    },
    loss(groups, which) {
      const all = needMolecules(groups), sums: Named = {};
      for (const group of groups) {
        const parts = tf.tidy(() => {
          const losses = loss(store[which], group), share = group.shape.batch / all;
          return fill(
            ["total", ...Object.keys(losses.parts)],
            (name) => tf.mul(name === "total" ? losses.total : losses.parts[name], share),
          );
        });
        for (const name in parts) add(sums, name, parts[name]);
      }
      return read(sums);
    },
    ...(estimate && estimating(estimate)),
    async state() {
      const tensors: State["tensors"] = new Map();
      for (const part of STATE_PARTS) {
        for (const name of holds[part]) {
          const data = Float32Array.from(await store[part][name].data());
          tensors.set(`${part}/${name}`, { shape: shapes.get(name)!, data });
        }
      }
      tensors.set("updates", { shape: [1], data: new Float32Array([updates]) });
      return { tensors };
    },
    async restore({ tensors }) {
      await tf.ready();
      const take = (path: string, shape: readonly number[]) => {
        const found = tensors.get(path);
        if (found?.shape.join() !== shape.join()) {
          throw new RangeError(
            `state: ${path} must have the shape [${shape}]; got ${found ? `[${found.shape}]` : "none"}`,
          );
        }
        return found.data;
      };
      // All is checked before anything changes.
      const count = take("updates", [1])[0];
      const data = STATE_PARTS.map((part) =>
        [part, holds[part].map((name) => [name, take(`${part}/${name}`, shapes.get(name)!)] as const)] as const
      );
      disposeStore();
      store = Object.fromEntries(
        data.map(([part, list]) => [
          part,
          Object.fromEntries(list.map(([name, values]) => [name, tf.tensor(values.slice(), shapes.get(name)!)])),
        ]),
      ) as Store;
      updates = count;
    },
    dispose: disposeStore,
  };
}
