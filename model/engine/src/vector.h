/* Vector width, fused multiply-add and the few elementary functions of the network, written so that gcc and clang vectorise them. */
#ifndef MOLSTEP_VECTOR_H
#define MOLSTEP_VECTOR_H

#if defined(__AVX512F__)
#define VECTOR_FLOATS 16
#define ROWS_MAX 8
#define COLUMNS_MAX 3
#elif defined(__AVX2__)
#define VECTOR_FLOATS 8
#define ROWS_MAX 6
#define COLUMNS_MAX 2
#elif defined(__wasm__) && !defined(__wasm_relaxed_simd__)
/* A product of its own before each addition takes a register more. */
#define VECTOR_FLOATS 4
#define ROWS_MAX 4
#define COLUMNS_MAX 2
#else
#define VECTOR_FLOATS 4
#define ROWS_MAX 6
#define COLUMNS_MAX 2
#endif

typedef float vector __attribute__((vector_size(VECTOR_FLOATS * 4), aligned(4)));

#if defined(__wasm_relaxed_simd__)
#define FMA(a, b, c) __builtin_wasm_relaxed_madd_f32x4(a, b, c)
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

#define INLINE static inline __attribute__((always_inline))

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

enum { WIDE = 16, WIDE_VECTORS = WIDE / VECTOR_FLOATS };

#if defined(__wasm__)
/*
 * WIDE exponentials at once: V8 builds each constant anew where it is used, so several vectors share it. 2^n 2^r with n = round(x log2 e),
 * |r| <= 1/2, and a minimax polynomial for 2^r of relative error 8e-8; x is clamped to [-87, 87].
 */
typedef int integers __attribute__((vector_size(16)));
#define ALL(value) ((vector){0} + (value))
#define EACH for (int v = 0; v < WIDE_VECTORS; v++)
INLINE void exp_wide(vector x[WIDE_VECTORS]) {
  vector n[WIDE_VECTORS], p[WIDE_VECTORS];
  EACH x[v] = __builtin_wasm_pmax_f32x4(__builtin_wasm_pmin_f32x4(x[v], ALL(87.f)), ALL(-87.f)); /* what is no number stays so */
  EACH n[v] = __builtin_elementwise_rint(x[v] * ALL(1.44269504088896341f));
  EACH x[v] = FMA(x[v], ALL(1.44269504088896341f), -n[v]);
  EACH p[v] = FMA(ALL(1.3276471979e-3f), x[v], ALL(9.6755413342e-3f));
  EACH p[v] = FMA(p[v], x[v], ALL(5.5507132735e-2f));
  EACH p[v] = FMA(p[v], x[v], ALL(2.4022119724e-1f));
  EACH p[v] = FMA(p[v], x[v], ALL(6.9314696706e-1f));
  EACH p[v] = FMA(p[v], x[v], ALL(1.f));
  /* n in the lowest bits of 1.5 2^23 + n, from there into the exponent */
  EACH x[v] = (vector)((integers)p[v] + ((integers)(n[v] + ALL(12582912.f)) << 23));
}
#endif

/* x <- exp(x - y), WIDE numbers */
INLINE void exp_difference(float *restrict x, const float *restrict y) {
#if defined(__wasm__)
  vector t[WIDE_VECTORS];
  EACH t[v] = ((vector *)x)[v] - ((const vector *)y)[v];
  exp_wide(t);
  EACH((vector *)x)[v] = t[v];
#else
  for (int c = 0; c < WIDE; c++) x[c] = exp_(x[c] - y[c]);
#endif
}

/* y = silu(x); `count` is a multiple of WIDE */
static void silu_all(long count, const float *restrict x, float *restrict y) {
#if defined(__wasm__)
  for (long k = 0; k < count; k += WIDE) {
    vector t[WIDE_VECTORS], value[WIDE_VECTORS];
    EACH value[v] = ((const vector *)(x + k))[v];
    EACH t[v] = -value[v];
    exp_wide(t);
    EACH((vector *)(y + k))[v] = value[v] / (ALL(1.f) + t[v]);
  }
#else
  for (long k = 0; k < count; k++) y[k] = silu_(x[k]);
#endif
}

#endif
