/*
 * The product of bfloat16 factors (AVX512-BF16: Zen 4, Cooper Lake, Sapphire Rapids): a lane sums the two products of a pair in single
 * precision. Twice as fast as single precision on Zen 4; on Sapphire Rapids half as fast, as was measured, where it is for comparison alone.
 */
#ifndef MOLSTEP_PRODUCT_BF16_H
#define MOLSTEP_PRODUCT_BF16_H
#include "narrow_bf16.h"

#define KIND bf16
#define SUM __m512
#define CHUNK (1 << 30)
#define ZERO _mm512_setzero_ps()
#define ADD(sum, a, b) _mm512_dpbf16_ps(sum, (__m512bh)(a), (__m512bh)(b))
#define SINGLE(sum) (sum)
#include "pairs_multiply.inc"

static const NarrowKind BF16_KIND = {PAIRS_SHAPE, bf16_pack_b, bf16_pack_a, bf16_multiply};
static int bf16_use(void) { return __builtin_cpu_is("amd") ? FASTER : OF_USE; }
NARROW_KERNEL(BF16, BF16_KIND, "avx512-bf16", PAIRS_ROWS, PAIRS_PANEL, bf16_use)

#endif
