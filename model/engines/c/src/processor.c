/*
 * What the processor has and the system grants, as Linux calls it in /proc/cpuinfo: a library of its own, built for any processor of its
 * architecture, which is asked before one of the engine's is opened. Only names that native_levels.ts knows are told.
 */
#if defined(__x86_64__)
#include <cpuid.h>

enum { EAX, EBX, ECX, EDX };

/* Of the state that the system keeps (XCR0): vectors of 256 and of 512 bits, and AMX's tiles. */
enum { ALWAYS = 0, YMM = 0x6, ZMM = 0xe6, TILES = 0x60000 };

/* Where cpuid tells of it (Intel's manual, volume 2A; AMD's for leaf 0x80000001), and which state it takes. */
static const struct {
  const char *name;
  unsigned leaf, subleaf, place, bit, state;
} FEATURES[] = {
    {"fma", 1, 0, ECX, 12, YMM},        {"movbe", 1, 0, ECX, 22, ALWAYS},   {"xsave", 1, 0, ECX, 27, ALWAYS},
    {"avx", 1, 0, ECX, 28, YMM},        {"f16c", 1, 0, ECX, 29, YMM},       {"bmi1", 7, 0, EBX, 3, ALWAYS},
    {"avx2", 7, 0, EBX, 5, YMM},        {"bmi2", 7, 0, EBX, 8, ALWAYS},     {"avx512f", 7, 0, EBX, 16, ZMM},
    {"avx512dq", 7, 0, EBX, 17, ZMM},   {"avx512cd", 7, 0, EBX, 28, ZMM},   {"avx512bw", 7, 0, EBX, 30, ZMM},
    {"avx512vl", 7, 0, EBX, 31, ZMM},   {"amx_bf16", 7, 0, EDX, 22, TILES}, {"avx512_fp16", 7, 0, EDX, 23, ZMM},
    {"amx_tile", 7, 0, EDX, 24, TILES}, {"avx512_bf16", 7, 1, EAX, 5, ZMM}, {"abm", 0x80000001, 0, ECX, 5, ALWAYS},
};

/* The state that the system keeps; none where it does not say. */
static unsigned granted(void) {
  unsigned r[4], low, high;
  if (!__get_cpuid(1, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) || !(r[ECX] >> 27 & 1)) return 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static int has(int k, unsigned state) {
  unsigned r[4];
  if (!__get_cpuid_count(FEATURES[k].leaf, FEATURES[k].subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX])) return 0;
  return r[FEATURES[k].place] >> FEATURES[k].bit & 1 && (state & FEATURES[k].state) == FEATURES[k].state;
}

/* Name `index` of what there is, "" where it is not there; 0 where there are no more. */
__attribute__((visibility("default"))) const char *molstep_processor(int index) {
  if (index < 0 || index >= (int)(sizeof FEATURES / sizeof FEATURES[0])) return 0;
  return has(index, granted()) ? FEATURES[index].name : "";
}
#elif defined(__aarch64__)
/* Vectors of 128 bits are part of the architecture. */
__attribute__((visibility("default"))) const char *molstep_processor(int index) { return index ? 0 : "asimd"; }
#else
__attribute__((visibility("default"))) const char *molstep_processor(int index) { return (void)index, (const char *)0; }
#endif
