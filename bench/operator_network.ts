/** A small network of a number at several times, by its formulas, for `operator.ts`. */
import type { Random } from "../model/diffusion/random.ts";

/** How large it is, and whether its times see each other. */
export interface NetworkOptions {
  /** K: the times of a pass. */
  readonly times: number;
  readonly width: number;
  /** After each hidden layer its values at all times are mixed by a learned K x K matrix: a convolution over time is one of these. */
  readonly mixed: boolean;
}

/** One number out of two at each time: two hidden layers of tanh. */
export interface Network {
  /** `[B, K, 2]` to `[B, K]`. */
  predict(x: Float64Array): Float64Array;
  /** A step of Adam (Kingma & Ba 2015) down the mean square distance from `target` `[B, K]`. */
  learn(x: Float64Array, target: Float64Array, rate: number): void;
}

const INPUTS = 2, BETA = [0.9, 0.999], TINY = 1e-8;

interface Dense {
  readonly w: Float64Array;
  readonly b: Float64Array;
  readonly from: number;
  readonly to: number;
}

/** y = x w + b, row by row. */
function dense(x: Float64Array, { w, b, from, to }: Dense): Float64Array {
  const rows = x.length / from, y = new Float64Array(rows * to);
  for (let r = 0; r < rows; r++) {
    for (let o = 0; o < to; o++) y[r * to + o] = b[o];
    for (let i = 0; i < from; i++) {
      const value = x[r * from + i];
      for (let o = 0; o < to; o++) y[r * to + o] += value * w[i * to + o];
    }
  }
  return y;
}

/** Adds to the gradients of a layer; gives that of its input. */
function denseBack(x: Float64Array, gy: Float64Array, { w, from, to }: Dense, g: Dense): Float64Array {
  const rows = x.length / from, gx = new Float64Array(x.length);
  for (let r = 0; r < rows; r++) {
    for (let o = 0; o < to; o++) g.b[o] += gy[r * to + o];
    for (let i = 0; i < from; i++) {
      let sum = 0;
      for (let o = 0; o < to; o++) {
        sum += gy[r * to + o] * w[i * to + o];
        g.w[i * to + o] += gy[r * to + o] * x[r * from + i];
      }
      gx[r * from + i] = sum;
    }
  }
  return gx;
}

/** out_k = h_k + sum_j m_kj h_j, molecule by molecule; with `turned` by the transpose. */
function mix(h: Float64Array, m: Float64Array, times: number, width: number, turned = false): Float64Array {
  const out = h.slice(), block = times * width;
  for (let at = 0; at < h.length; at += block) {
    for (let k = 0; k < times; k++) {
      for (let j = 0; j < times; j++) {
        const share = turned ? m[j * times + k] : m[k * times + j];
        for (let c = 0; c < width; c++) out[at + k * width + c] += share * h[at + j * width + c];
      }
    }
  }
  return out;
}

function mixBack(h: Float64Array, gy: Float64Array, g: Float64Array, times: number, width: number): void {
  const block = times * width;
  for (let at = 0; at < h.length; at += block) {
    for (let k = 0; k < times; k++) {
      for (let j = 0; j < times; j++) {
        let sum = 0;
        for (let c = 0; c < width; c++) sum += gy[at + k * width + c] * h[at + j * width + c];
        g[k * times + j] += sum;
      }
    }
  }
}

/** A network with weights of a random source. */
export function createNetwork({ times, width, mixed }: NetworkOptions, random: Random): Network {
  const shapes = [[INPUTS, width], [width, width], [width, 1]];
  const layer = ([from, to]: number[], scale: number): Dense => ({
    w: Float64Array.from({ length: from * to }, () => scale * random.normal()),
    b: new Float64Array(to),
    from,
    to,
  });
  const layers = shapes.map((shape, k) => layer(shape, (k === 0 ? 2 : 1) / Math.sqrt(shape[0])));
  const mixes = [0, 1].map(() => new Float64Array(times * times));
  const parameters = [...layers.flatMap(({ w, b }) => [w, b]), ...(mixed ? mixes : [])];
  const first = parameters.map(({ length }) => new Float64Array(length)), second = first.map((one) => one.slice());
  let updates = 0;

  const forward = (x: Float64Array) => {
    const inputs = [x], hidden: Float64Array[] = [];
    for (const k of [0, 1]) {
      hidden[k] = dense(inputs[k], layers[k]).map(Math.tanh);
      inputs.push(mixed ? mix(hidden[k], mixes[k], times, width) : hidden[k]);
    }
    return { inputs, hidden, y: dense(inputs[2], layers[2]) };
  };

  return {
    predict: (x) => forward(x).y,
    learn(x, target, rate) {
      const { inputs, hidden, y } = forward(x), zero = shapes.map((shape) => layer(shape, 0));
      const mixed0 = mixes.map(() => new Float64Array(times * times));
      let g = denseBack(inputs[2], y.map((value, k) => 2 * (value - target[k]) / y.length), layers[2], zero[2]);
      for (const k of [1, 0]) {
        if (mixed) {
          mixBack(hidden[k], g, mixed0[k], times, width);
          g = mix(g, mixes[k], times, width, true);
        }
        g = denseBack(inputs[k], g.map((value, i) => value * (1 - hidden[k][i] ** 2)), layers[k], zero[k]);
      }
      const gradients = [...zero.flatMap(({ w, b }) => [w, b]), ...(mixed ? mixed0 : [])];
      updates++;
      const [one, two] = BETA.map((beta) => 1 - beta ** updates);
      parameters.forEach((parameter, p) => {
        for (let i = 0; i < parameter.length; i++) {
          first[p][i] = BETA[0] * first[p][i] + (1 - BETA[0]) * gradients[p][i];
          second[p][i] = BETA[1] * second[p][i] + (1 - BETA[1]) * gradients[p][i] ** 2;
          parameter[i] -= rate * first[p][i] / one / (Math.sqrt(second[p][i] / two) + TINY);
        }
      });
    },
  };
}
