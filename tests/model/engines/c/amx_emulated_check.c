/* amx_emulated.h itself, which is included before: that misuse aborts, what is beyond a tile's shape, and how products are summed. */
#include <signal.h>
#include <sys/wait.h>

static char memory[EMULATED_ROWS * 128] __attribute__((aligned(64)));

/* Tiles 0 (c), 1 (a) and 2 (b) for c [rows, columns], a [rows, 2 pairs]. */
static void configure(int rows, int columns, int pairs) {
  struct {
    unsigned char palette, start, reserved[14];
    unsigned short bytes[16];
    unsigned char rows[16];
  } shapes = {.palette = 1, .bytes = {columns * 4, pairs * 4, columns * 4}, .rows = {rows, rows, pairs}};
  syscall(SYS_arch_prctl, 0x1023, 18);
  _tile_loadconfig(&shapes);
}

static void without_permission(void) { _tile_release(); }
static void without_configuration(void) { _tile_zero(0); }
static void after_release(void) { configure(16, 16, 16), _tile_release(), _tile_loadd(0, memory, 64); }
static void without_shape(void) { configure(16, 16, 16), _tile_stored(3, memory, 64); }
static void too_many_rows(void) { configure(17, 16, 16); }
static void too_many_columns(void) { configure(16, 17, 16); }
static void not_released(void) { configure(16, 16, 16), exit(0); }
static void no_columns(void) { configure(16, 0, 16); }
static void other_depth(void) { configure(16, 16, 8), _tile_dpbf16ps(0, 1, 0); }
static void other_rows(void) { configure(8, 16, 16), _tile_dpbf16ps(2, 1, 0); }
static void twice(void) { configure(16, 16, 16), _tile_dpbf16ps(0, 1, 1); }

/* Whether it aborts, in a process of its own that says nothing. */
static int aborts(void (*misuse)(void)) {
  const pid_t child = fork();
  int status = 0;
  if (!child) {
    if (!freopen("/dev/null", "w", stderr)) _exit(1);
    misuse();
    _exit(0);
  }
  return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* One element: start + a0 b0 + a1 b1 ..., all given as bits of bfloat16 but start. */
static float element(float start, int pairs, const unsigned short *a, const unsigned short *b) {
  float result;
  configure(1, 1, pairs);
  _tile_loadd(0, &start, 4), _tile_loadd(1, a, 64), _tile_loadd(2, b, 4);
  _tile_dpbf16ps(0, 1, 2);
  _tile_stored(0, &result, 4);
  _tile_release();
  return result;
}

/* A float's bits: to -ffast-math a denormal is 0. */
static unsigned bits_of(float value) {
  unsigned bits;
  memcpy(&bits, &value, 4);
  return bits;
}

#define MUST(holds) \
  if (!(holds)) return printf("%s does not hold\n", #holds), 1

int main(void) {
  MUST(aborts(without_permission) && aborts(without_configuration) && aborts(after_release) && aborts(without_shape));
  MUST(aborts(too_many_rows) && aborts(too_many_columns) && aborts(no_columns) && aborts(not_released));
  MUST(aborts(other_depth) && aborts(other_rows) && aborts(twice));

  enum {
    ONE = 0x3f80,
    TWO = 0x4000,
    HUGE_ = 0x4c00 /* 2^25 */,
    MINUS_HUGE = 0xcc00,
    SMALL = 0x0040,
    TINY = 0x0080,
    HALF = 0x3f00
  };
  const unsigned short ones[] = {ONE, ONE, ONE, ONE}, numbers[] = {TWO, ONE, TWO, ONE};
  MUST(element(3, 2, ones, numbers) == 9);
  /* even products by themselves, then the odd ones: 2^25 + 1 is 2^25, which leaves what stands in odd places */
  const unsigned short even[] = {HUGE_, ONE, ONE, ONE, MINUS_HUGE, ONE};
  const unsigned short six[] = {ONE, ONE, ONE, ONE, ONE, ONE};
  MUST(element(5, 3, even, six) == 8);
  /* denormals: of a, of c, and of a product of two numbers that are none */
  const unsigned short denormal[] = {SMALL, 0}, least[] = {TINY, 0}, half[] = {HALF, 0}, large[] = {0x7f00, 0},
                       none[] = {0, 0};
  const float small = 5.877471754e-39f;
  MUST(bits_of(element(0, 1, denormal, large)) == 0);
  MUST(bits_of(element(0, 1, least, large)) != 0);
  MUST(bits_of(element(0, 1, least, half)) == 0);
  MUST(bits_of(small) != 0 && bits_of(element(small, 1, half, none)) == 0);

  /* what is beyond the shape is not written */
  char out[EMULATED_ROWS * 64];
  memset(out, 7, sizeof out), memset(memory, 1, sizeof memory);
  configure(3, 5, 2);
  _tile_loadd(0, memory, 64), _tile_stored(0, out, 64);
  _tile_release();
  for (int r = 0; r < 16; r++)
    for (int e = 0; e < 64; e++) MUST(out[r * 64 + e] == (r < 3 && e < 20 ? 1 : 7));
  puts("amx_emulated.h holds");
  return 0;
}
