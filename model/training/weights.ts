/** Loss weights of the pair-attention denoiser as a function of the noise; docs/denoiser.md. */

/** Largest weight of the positions' error: caps 1/sigma^2 near t = 0. */
export const POSITION_CAP = 2500;

/** Largest 1/sigma^2 in the weight of the classes' and bonds' cross-entropies, and the share that these then take. */
export const CLASS_CAP = 4, CLASS_SHARE = 0.5;

/** Other caps and shares than the above. */
export interface LossOptions {
  readonly positionCap?: number;
  readonly classShare?: number;
}

/**
 * Weights of positions, scalars and pairs at noise sigma. 1/sigma^2 on the error of x0 is a uniform weight on that of v
 * up to alpha: (Salimans & Ho 2022, section 4, "SNR+1").
 */
export function lossWeights(
  sigma: number,
  { positionCap = POSITION_CAP, classShare = CLASS_SHARE }: LossOptions = {},
): [positions: number, scalars: number, pairs: number] {
  const w = Math.min(1 / (sigma * sigma), positionCap), share = classShare * Math.min(w, CLASS_CAP);
  return [w, share, share];
}
