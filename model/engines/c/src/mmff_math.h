/* What MMFF94's terms need of vectors and angles, in double precision: WebAssembly has no library of mathematics. */
#ifndef MOLSTEP_MMFF_MATH_H
#define MOLSTEP_MMFF_MATH_H
#include "vector.h"

typedef struct {
  double x, y, z;
} Point;

INLINE Point at_atom(const double *x, int atom) { return (Point){x[3 * atom], x[3 * atom + 1], x[3 * atom + 2]}; }
INLINE Point minus(Point a, Point b) { return (Point){a.x - b.x, a.y - b.y, a.z - b.z}; }
INLINE Point plus(Point a, Point b) { return (Point){a.x + b.x, a.y + b.y, a.z + b.z}; }
INLINE Point times(double s, Point a) { return (Point){s * a.x, s * a.y, s * a.z}; }
INLINE double dot(Point a, Point b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
INLINE Point cross(Point a, Point b) {
  return (Point){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
INLINE void add_to(double *g, int atom, Point a) { g[3 * atom] += a.x, g[3 * atom + 1] += a.y, g[3 * atom + 2] += a.z; }

INLINE double within(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* asin(x) for |x| <= 1/2, absolute error below 1e-14: x times a polynomial in x^2 (interpolated at Chebyshev's points). */
INLINE double asin_small(double x) {
  static const double c[] = {1.0,
                             0.16666666666664942,
                             0.07500000000385201,
                             0.044642856805998936,
                             0.03038195969768514,
                             0.022371749733164054,
                             0.01735977964134998,
                             0.01388484282640208,
                             0.012170138592391726,
                             0.0065293020047365695,
                             0.019513468251252167,
                             -0.016187392271599134,
                             0.03187962140081284};
  const double z = x * x;
  double p = c[sizeof c / sizeof *c - 1];
  for (int k = sizeof c / sizeof *c - 2; k >= 0; k--) p = p * z + c[k];
  return x * p;
}

/* acos(x) of x within [-1, 1]. */
INLINE double acos_(double x) {
  const double half_pi = 1.57079632679489661923, size = x < 0 ? -x : x;
  if (size <= 0.5) return half_pi - asin_small(x);
  const double small = 2 * asin_small(__builtin_sqrt(0.5 * (1 - size)));
  return x < 0 ? 2 * half_pi - small : small;
}

#endif
