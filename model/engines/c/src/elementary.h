/* The few elementary functions of the networks, for one number and for many, written so that gcc and clang vectorise them. */
#ifndef MOLSTEP_ELEMENTARY_H
#define MOLSTEP_ELEMENTARY_H
#include "vector.h"

/* exp(x), relative error about 2e-7; x is clamped to [-87, 87]. Range reduction by ln 2 in two parts, degree-6 polynomial. */
INLINE float exp_(float x) {
  x = x > 87.f ? 87.f : x;
  x = x < -87.f ? -87.f : x;
  float n = __builtin_floorf(x * 1.44269504088896341f + 0.5f);
  float r = x - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  int bits = ((int)n + 127) << 23;
  float scale;
  __builtin_memcpy(&scale, &bits, 4);
  return p * scale;
}
INLINE float sigmoid_(float x) { return 1.f / (1.f + exp_(-x)); }
INLINE float silu_(float x) { return x * sigmoid_(x); }
/* d silu / dx */
INLINE float silu_slope(float x) {
  float s = sigmoid_(x);
  return s * (1.f + x * (1.f - s));
}
INLINE float tanh_(float x) { return 1.f - 2.f / (1.f + exp_(2.f * x)); }

#if defined(__wasm__)
/*
 * WIDE exponentials at once, 2^n 2^r with n = round(x log2 e), |r| <= 1/2, and a minimax polynomial for 2^r of relative error 8e-8; what is no
 * number stays so. `of` is EXP for exp(x), or EXP_MINUS for exp(-x): what x is multiplied by, and its limits. Step by step for all vectors, as
 * a chain of steps waits for itself.
 */
typedef int integers __attribute__((vector_size(16)));
static const float EXP[3] = {1.44269504088896341f, 87.f, -87.f}, EXP_MINUS[3] = {-1.44269504088896341f, 87.f, -87.f};
static const float exp_numbers[7] = {12582912.f /* 1.5 2^23 */,
                                     1.3276471979e-3f,
                                     9.6755413342e-3f,
                                     5.5507132735e-2f,
                                     2.4022119724e-1f,
                                     6.9314696706e-1f,
                                     1.f};
INLINE vector one(void) { return known(exp_numbers + 6); }
INLINE void exp_wide(vector x[WIDE_VECTORS], const float *of) {
#pragma clang fp reassociate(off) /* or the rounding by `magic` is lost */
  vector n[WIDE_VECTORS], p[WIDE_VECTORS], number = known(of + 1);
  EACH x[v] = __builtin_wasm_pmin_f32x4(x[v], number);
  apart(x), number = known(of + 2);
  EACH x[v] = __builtin_wasm_pmax_f32x4(x[v], number);
  apart(x);
  const vector factor = known(of), magic = known(exp_numbers);
  EACH n[v] = FMA(x[v], factor, magic); /* n in its lowest bits */
  apart(n);
  EACH p[v] = magic - n[v];
  apart(p);
  EACH x[v] = FMA(x[v], factor, p[v]);
  apart(x);
  const vector first = known(exp_numbers + 1);
  number = known(exp_numbers + 2);
  EACH p[v] = FMA(first, x[v], number);
#pragma clang loop unroll(full)
  for (int k = 3; k < 7; k++) {
    apart(p), number = known(exp_numbers + k);
    EACH p[v] = FMA(p[v], x[v], number);
  }
  apart(p);
  EACH x[v] = (vector)((integers)p[v] + ((integers)n[v] << 23)); /* from there into the exponent */
}
#endif

/* x <- exp(x - y), WIDE numbers; y is finite */
INLINE void exp_difference(vector x[WIDE_VECTORS], const vector y[WIDE_VECTORS]) {
  EACH x[v] -= y[v];
#if defined(__wasm__)
  exp_wide(x, EXP);
#else
  EACH for (int c = 0; c < VECTOR_FLOATS; c++) x[v][c] = exp_(x[v][c]);
#endif
}

/* y = exp(x); `count` is a multiple of WIDE */
static inline void exp_all(long count, const float *restrict x, float *restrict y) {
#if defined(__wasm__)
  for (long k = 0; k < count; k += WIDE) {
    vector t[WIDE_VECTORS];
    EACH t[v] = part(x + k, v);
    exp_wide(t, EXP);
    EACH put(y + k, v, t[v]);
  }
#else
  for (long k = 0; k < count; k++) y[k] = exp_(x[k]);
#endif
}

/* y = silu(x); `count` is a multiple of WIDE */
static void silu_all(long count, const float *restrict x, float *restrict y) {
#if defined(__wasm__)
  for (long k = 0; k < count; k += WIDE) {
    vector t[WIDE_VECTORS], value[WIDE_VECTORS];
    EACH value[v] = ((const vector *)(x + k))[v];
    EACH t[v] = value[v];
    exp_wide(t, EXP_MINUS);
    apart(t);
    const vector unit = one();
    EACH t[v] += unit;
    apart(t);
    EACH put(y + k, v, value[v] / t[v]);
  }
#else
  for (long k = 0; k < count; k++) y[k] = silu_(x[k]);
#endif
}

/* y = tanh(x); `count` is a multiple of WIDE */
static void tanh_all(long count, const float *restrict x, float *restrict y) {
#if defined(__wasm__)
  for (long k = 0; k < count; k += WIDE) {
    vector t[WIDE_VECTORS];
    EACH t[v] = part(x + k, v) + part(x + k, v);
    exp_wide(t, EXP);
    const vector unit = one();
    EACH put(y + k, v, unit - (unit + unit) / (unit + t[v]));
  }
#else
  for (long k = 0; k < count; k++) y[k] = tanh_(x[k]);
#endif
}

#endif
