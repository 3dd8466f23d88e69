/*
 * Numbers below 1e-38 as zero. A trained network is sure of most classes: its softmaxes and their gradients are full of such numbers, which
 * the processor computes by microcode; a gradient of the shipped weights took 4.5 times as long as one of random weights.
 * Nothing is learned from them.
 */
#ifndef MOLSTEP_DENORMALS_H
#define MOLSTEP_DENORMALS_H

/* Flushes them on the calling thread from here on. Returns what restore_denormals() takes. */
static inline unsigned long flush_denormals(void) {
#if defined(__x86_64__)
  const unsigned before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040); /* results (FTZ) and operands (DAZ) */
  return before;
#elif defined(__aarch64__)
  unsigned long before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"(before | 1ul << 24));
  return before;
#else
  return 0; /* WebAssembly has no such mode, and does not train */
#endif
}

static inline void restore_denormals(unsigned long before) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr((unsigned)before);
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
  (void)before;
#endif
}

#endif
