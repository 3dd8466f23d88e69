/* The functions of a distance that pairs are told: of the noisy input's, and of the network's own estimate's. */
#ifndef MOLSTEP_RADIAL_H
#define MOLSTEP_RADIAL_H
#include "constants.h"
#include "elementary.h"

/* Model units squared to angstrom squared, and what keeps a distance off zero. */
#define ANGSTROM_SQUARED 2.56f
#define DISTANCE_FLOOR 1e-6f

/* The second function to the sixth are Gaussians exp(slope (d - centre)^2 / 2); then exp(-d / 2) and 1 / (1 + d^2). */
enum { GAUSSIANS = 6, FAR = 6, NEAR = 7 };
static const float centre[GAUSSIANS] = {0.f, 1.2f, 1.34f, 1.5f, 2.4f, 3.f};
static const float slope[GAUSSIANS] = {0.f, -100.f, -100.f, -100.f, -10.f, -4.f};

/* What they are, each by d or d squared: the first and the last, and what is exponentiated for those between. */
#define LINEAR(d) (0.3f * d)
#define INVERSE(d2) (1.f / (1.f + d2))
#define GAUSSIAN(d, k) (-(d - centre[k]) * (d - centre[k]) * (-0.5f * slope[k]))
#define DECAY(d) (-0.5f * d)

/*
 * o [8]: functions of the distance between positions a and b [3]. Statements, which declare what they need, and no function: gcc would round
 * elsewhere than it did in the networks that there are.
 */
#define RADIAL_FUNCTIONS(a, b, o)                                                                          \
  float dx = a[0] - b[0], dy = a[1] - b[1], dz = a[2] - b[2];                                              \
  float d2 = (dx * dx + dy * dy + dz * dz) * ANGSTROM_SQUARED, d = __builtin_sqrtf(d2 + DISTANCE_FLOOR);   \
  const float arg[DISTANCES] = {                                                                           \
      0.f, GAUSSIAN(d, 1), GAUSSIAN(d, 2), GAUSSIAN(d, 3), GAUSSIAN(d, 4), GAUSSIAN(d, 5), DECAY(d), 0.f}; \
  for (int k = 0; k < DISTANCES; k++) o[k] = exp_(arg[k]);                                                 \
  o[0] = LINEAR(d), o[NEAR] = INVERSE(d2)

/* Pairs that are computed at once. */
enum { RADIAL_PAIRS = 4 * WIDE };

/* out [8, RADIAL_PAIRS]: the same of squared distances d2, in angstrom, of which `count` are read; a multiple of WIDE. */
static inline void radial_functions(int count, const float *restrict d2, float out[DISTANCES][RADIAL_PAIRS]) {
  float d[RADIAL_PAIRS], arg[RADIAL_PAIRS];
  for (int p = 0; p < count; p++) d[p] = __builtin_sqrtf(d2[p] + DISTANCE_FLOOR);
  for (int p = 0; p < count; p++) out[0][p] = LINEAR(d[p]), out[NEAR][p] = INVERSE(d2[p]);
  for (int k = 1; k < GAUSSIANS; k++) {
    for (int p = 0; p < count; p++) arg[p] = GAUSSIAN(d[p], k);
    exp_all(count, arg, out[k]);
  }
  for (int p = 0; p < count; p++) arg[p] = DECAY(d[p]);
  exp_all(count, arg, out[FAR]);
}

/* The gradient of <g, o> by the squared distance, in angstrom squared, from the functions o of a distance of d angstrom. */
INLINE float radial_slope(float d, const float *o, const float *g) {
  float along = LINEAR(g[0]) - 0.5f * o[FAR] * g[FAR]; /* of d */
  for (int k = 1; k < GAUSSIANS; k++) along += slope[k] * (d - centre[k]) * o[k] * g[k];
  return along / (2.f * d) - o[NEAR] * o[NEAR] * g[NEAR]; /* of d squared */
}

#endif
