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

#endif
