/* The product in single precision. 16 registers of 8 floats: 12 hold a tile's sums. */
#ifndef MOLSTEP_PRODUCT_AVX2_H
#define MOLSTEP_PRODUCT_AVX2_H
#define PRODUCT_ROWS 6
#include "product_tiles.h"

static const ProductKernel FLOAT32 = {"avx2-f32",      PRODUCT_ROWS,    PANEL, pack_panels,
                                      multiply_panels, multiply_arrays, of_use};

#endif
