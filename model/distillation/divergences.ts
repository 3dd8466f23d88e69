/**
 * The registry of divergences that distribution matching can minimise. With r = p_data / p_student at a noised molecule, the gradient of an f-divergence
 * with generator f is E_student[h(r) (told - taught)] up to the noise level's factor, h(r) = r^2 f''(r), told and taught the two denoisers (Xu et al.,
 * "One-step diffusion models with f-divergence distribution matching", 2025; docs/distillation.md derives it in a line). A new one is an entry
 * here and its test.
 */

/** What leads an estimate x, in the place of told - taught. */
export type Lead =
  /** The two denoisers' difference. */
  | "difference"
  /** x less the teacher's word: no auxiliary. */
  | "own"
  /** The whole gradient of an identity of scores, through both networks. */
  | "identity";

/** A divergence. */
export interface Divergence {
  /** In a phrase, with its source. */
  readonly about: string;
  readonly lead: Lead;
  /** h of log r, up to a factor, for those whose molecules do not count alike. */
  readonly weight?: (logRatio: number, alpha: number) => number;
  /** The `alpha` that it takes, where it takes one. */
  readonly alpha?: { readonly least: number; readonly most: number; readonly default: number };
}

const REGISTRY = {
  "reverse-kl": {
    about: "Kullback-Leibler of the student from the data: seeks modes (Yin et al. 2024)",
    lead: "difference",
  },
  "forward-kl": {
    about: "Kullback-Leibler of the data from the student: covers (Xu et al. 2025: weights r)",
    lead: "difference",
    weight: Math.exp,
  },
  "jensen-shannon": {
    about: "between the two (Xu et al. 2025: weights r / (1 + r))",
    lead: "difference",
    weight: (logRatio) => 1 / (1 + Math.exp(-logRatio)),
  },
  renyi: {
    about:
      "Rényi's of order alpha of the data from the student (weights r^alpha): 0 is reverse-kl, 1 forward-kl, more covers more, less than 0 seeks more",
    lead: "difference",
    weight: (logRatio, alpha) => Math.exp(alpha * logRatio),
    alpha: { least: -2, most: 2, default: 0.5 },
  },
  sds: {
    about: "score distillation without an auxiliary (Poole et al. 2022): no entropy, so it goes to the teacher's modes",
    lead: "own",
  },
  sid: {
    about: "score identity distillation, through both networks (Zhou et al. 2024), with its alpha",
    lead: "identity",
    alpha: { least: 0.5, most: 1.5, default: 1 },
  },
} as const satisfies Record<string, Divergence>;

/** A divergence's name. */
export type DivergenceName = keyof typeof REGISTRY;

/** The names; the first is the default. */
export const DIVERGENCES = Object.keys(REGISTRY) as [DivergenceName, ...DivergenceName[]];

/** The divergence of this name. */
export const divergenceOf = (name: DivergenceName): Divergence => REGISTRY[name];

/** All of them, in words. */
export const divergencesInWords = (): string =>
  DIVERGENCES.map((name) => `${name}: ${divergenceOf(name).about}`).join("; ");

/** Which of them is minimised, as a round is told. */
export interface DivergenceSettings {
  readonly divergence?: DivergenceName;
  readonly alpha?: number;
}

/** The names of those that take an alpha, with its limits and default. */
export const alphasInWords = () =>
  DIVERGENCES.flatMap((name) => {
    const { alpha } = divergenceOf(name);
    return alpha ? [`${name} (${alpha.least} to ${alpha.most}, default ${alpha.default})`] : [];
  }).join(" and ");

/** The least and the most alpha of any. */
export const ALPHAS = {
  least: Math.min(...DIVERGENCES.map((name) => divergenceOf(name).alpha?.least ?? Infinity)),
  most: Math.max(...DIVERGENCES.map((name) => divergenceOf(name).alpha?.most ?? -Infinity)),
};

/** What is wrong with an alpha; undefined where nothing is. */
export function alphaFault({ divergence = DIVERGENCES[0], alpha }: DivergenceSettings): string | undefined {
  if (alpha === undefined) return undefined;
  const limits = divergenceOf(divergence).alpha;
  if (!limits) return `match.alpha is for ${alphasInWords()}; got it for ${divergence}`;
  if (alpha >= limits.least && alpha <= limits.most) return undefined;
  return `match.alpha must be ${limits.least} to ${limits.most} for ${divergence}; got ${alpha}`;
}

/** Largest |log r|: a critic is no surer than that. */
const SUREST = 4;

/** Most that one molecule counts, in means of its batch. */
const MOST = 5;

/**
 * What each molecule of a batch counts, mean 1 but for the cap: h(r) over its mean. So it is Rényi's divergence that is minimised, not its power, and the
 * forward one's weights, whose mean is 1 by themselves, are made so in a batch.
 *
 * @param logRatios of molecules at like noise
 */
export function molecularWeights(
  { divergence = DIVERGENCES[0], alpha }: DivergenceSettings,
  logRatios: readonly number[],
): number[] {
  const { weight, alpha: limits } = divergenceOf(divergence);
  if (!weight) return logRatios.map(() => 1);
  const own = alpha ?? limits?.default ?? 1;
  const all = logRatios.map((value) => weight(Math.max(-SUREST, Math.min(SUREST, value)), own));
  const mean = all.reduce((sum, one) => sum + one, 0) / all.length;
  return all.map((one) => Math.min(MOST, one / mean));
}
