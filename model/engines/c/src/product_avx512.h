/* The product in single precision. 32 registers of 16 floats: 24 hold a tile's sums. */
#ifndef MOLSTEP_PRODUCT_AVX512_H
#define MOLSTEP_PRODUCT_AVX512_H
#define PRODUCT_ROWS 12
#include "product_tiles.h"

static const ProductKernel FLOAT32 = {"avx512-f32",    PRODUCT_ROWS,    PANEL, pack_panels,
                                      multiply_panels, multiply_arrays, of_use};

#endif
