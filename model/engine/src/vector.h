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

#define EACH for (int v = 0; v < WIDE_VECTORS; v++)
#define ALL(value) ((vector){0} + (value))
/* Vector v of WIDE numbers in memory, and their sum. */
INLINE vector part(const float *at, int v) { return ((const vector *)at)[v]; }
INLINE void put(float *at, int v, vector value) { ((vector *)at)[v] = value; }
/* The larger of each lane. */
INLINE vector larger(vector a, vector b) {
#if defined(__wasm__)
  return __builtin_wasm_pmax_f32x4(a, b);
#else
  typedef int integers __attribute__((vector_size(sizeof(vector))));
  const integers first = a > b;
  return (vector)(((integers)a & first) | ((integers)b & ~first));
#endif
}
INLINE float lanes(const vector x[WIDE_VECTORS]) {
  vector all = x[0];
  float sum = 0;
  for (int v = 1; v < WIDE_VECTORS; v++) all += x[v];
  for (int c = 0; c < VECTOR_FLOATS; c++) sum += all[c];
  return sum;
}

#if defined(__wasm__)
/* Keeps clang from folding an address into an access's offset: V8 makes an addition of such an offset. */
#define OPAQUE(value) __asm__("" : "+r"(value))
/* Keeps clang from making WIDE_VECTORS chains one after another of what is written step by step: a use of x in a branch that V8 sees is never taken. */
static vector unused[WIDE_VECTORS];
INLINE void apart(const vector x[WIDE_VECTORS]) {
  int never = 0;
  OPAQUE(never);
  if (never) EACH ((volatile vector *)unused)[v] = x[v];
}
/* A number in all lanes, from memory at an address that V8 knows: it would take three instructions to build it. */
INLINE vector known(const float *at) {
  OPAQUE(at);
  return ALL(*(const volatile float *)at);
}

/*
 * WIDE exponentials at once, 2^n 2^r with n = round(x log2 e), |r| <= 1/2, and a minimax polynomial for 2^r of relative error 8e-8; x is
 * clamped to [-87, 87]; what is no number stays so. `scale` points to 1 / ln 2, for exp(x), or -1 / ln 2, for exp(-x). Step by step for all vectors, as
 * a chain of steps waits for itself.
 */
typedef int integers __attribute__((vector_size(16)));
static const float exp_scale[2] = {1.44269504088896341f, -1.44269504088896341f};
static const float exp_numbers[9] = {87.f,           -87.f,           12582912.f /* 1.5 2^23 */, 1.3276471979e-3f, 9.6755413342e-3f,
                                     5.5507132735e-2f, 2.4022119724e-1f, 6.9314696706e-1f, 1.f};
INLINE void exp_wide(vector x[WIDE_VECTORS], const float *scale) {
#pragma clang fp reassociate(off) /* or the rounding by `magic` is lost */
  vector n[WIDE_VECTORS], p[WIDE_VECTORS], number = known(exp_numbers);
  EACH x[v] = __builtin_wasm_pmin_f32x4(x[v], number);
  apart(x), number = known(exp_numbers + 1);
  EACH x[v] = __builtin_wasm_pmax_f32x4(x[v], number);
  apart(x);
  const vector factor = known(scale), magic = known(exp_numbers + 2);
  EACH n[v] = FMA(x[v], factor, magic); /* n in its lowest bits */
  apart(n);
  EACH p[v] = magic - n[v];
  apart(p);
  EACH x[v] = FMA(x[v], factor, p[v]);
  apart(x);
  const vector first = known(exp_numbers + 3);
  number = known(exp_numbers + 4);
  EACH p[v] = FMA(first, x[v], number);
#pragma clang loop unroll(full)
  for (int k = 5; k < 9; k++) {
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
  exp_wide(x, exp_scale);
#else
  EACH for (int c = 0; c < VECTOR_FLOATS; c++) x[v][c] = exp_(x[v][c]);
#endif
}

/* y = silu(x); `count` is a multiple of WIDE */
static void silu_all(long count, const float *restrict x, float *restrict y) {
#if defined(__wasm__)
  for (long k = 0; k < count; k += WIDE) {
    vector t[WIDE_VECTORS], value[WIDE_VECTORS];
    EACH value[v] = ((const vector *)(x + k))[v];
    EACH t[v] = value[v];
    exp_wide(t, exp_scale + 1);
    apart(t);
    const vector one = known(exp_numbers + 8);
    EACH t[v] += one;
    apart(t);
    EACH((vector *)(y + k))[v] = value[v] / t[v];
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
    exp_wide(t, exp_scale);
    const vector one = known(exp_numbers + 8);
    EACH put(y + k, v, one - (one + one) / (one + t[v]));
  }
#else
  for (long k = 0; k < count; k++) y[k] = tanh_(x[k]);
#endif
}

#endif
