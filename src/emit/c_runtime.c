/* Texts of an emitted file's functions. Each is the library's own function (base/rng_fill.c, exec/cpu/math.h,
 * data/encoder_quantile.c) written so that any C99 or C++17 compiler makes the same bits of it: where the library's build lets
 * the compiler fuse a multiply-add, the text says $_fma. tests/emit/test_c.c holds the values against the library's. */
#include "c_runtime.h"

#include <string.h>

#define PF_TO_TEXT(value) PF_AS_TEXT(value)
#define PF_AS_TEXT(value) #value

static const char WORD[] = "typedef union { float f; uint32_t u; } $_word;\n"
                           "\n"
                           "static inline float $_float(uint32_t bits) {\n"
                           "  $_word w;\n"
                           "  w.u = bits;\n"
                           "  return w.f;\n"
                           "}\n"
                           "\n"
                           "static inline uint32_t $_bits(float value) {\n"
                           "  $_word w;\n"
                           "  w.f = value;\n"
                           "  return w.u;\n"
                           "}\n";

static const char CHOOSE[] = "/* Choices by bits, which stay vectors where a branch would not. */\n"
                             "static inline uint32_t $_mask(int holds) { return 0u - (uint32_t)holds; }\n"
                             "\n"
                             "static inline float $_choose(uint32_t mask, float a, float b) {\n"
                             "  return $_float(($_bits(a) & mask) | ($_bits(b) & ~mask));\n"
                             "}\n";

static const char FMA[] =
    "/* a b + c, rounded once: by the processor's instruction where there is one, else through double,\n"
    " * whose own rounding shows in one sum of a billion. There, -D$_UNFUSED rounds the product too:\n"
    " * faster, and about a millionth off. */\n"
    "#if defined(FP_FAST_FMAF) || defined(__FP_FAST_FMAF) || defined(__FMA__) || defined(__aarch64__)\n"
    "static inline float $_fma(float a, float b, float c) { return fmaf(a, b, c); }\n"
    "#elif defined($_UNFUSED)\n"
    "static inline float $_fma(float a, float b, float c) { return a * b + c; }\n"
    "#else\n"
    "static inline float $_fma(float a, float b, float c) { return (float)((double)a * (double)b + "
    "(double)c); }\n"
    "#endif\n";

static const char HALF[] = "/* Half precision, exactly. */\n"
                           "static inline float $_half(uint16_t h) {\n"
                           "  const float size = $_float((uint32_t)(h & 0x7fffu) << 13) * 0x1p112f;\n"
                           "  return (h & 0x8000u) != 0 ? -size : size;\n"
                           "}\n";

static const char NORMALS[] =
    "/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011) of (seed, index), and Box-Muller. */\n"
    "static inline uint64_t $_mix(uint64_t x) {\n"
    "  x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);\n"
    "  x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);\n"
    "  return x ^ (x >> 31);\n"
    "}\n"
    "\n"
    "static void $_philox(uint64_t key, uint64_t index, uint32_t block, uint32_t *w) {\n"
    "  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);\n"
    "  uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = block, c3 = $_STREAM;\n"
    "  for (int r = 0; r < 10; r++) {\n"
    "    const uint64_t p0 = (uint64_t)c0 * 0xD2511F53u, p1 = (uint64_t)c2 * 0xCD9E8D57u;\n"
    "    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;\n"
    "    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;\n"
    "    c1 = (uint32_t)p1;\n"
    "    c3 = (uint32_t)p0;\n"
    "    k0 += 0x9E3779B9u;\n"
    "    k1 += 0xBB67AE85u;\n"
    "  }\n"
    "  w[0] = c0;\n"
    "  w[1] = c1;\n"
    "  w[2] = c2;\n"
    "  w[3] = c3;\n"
    "}\n"
    "\n"
    "/* log u, u in [2^-33, 1] */\n"
    "static inline float $_log_unit(float u) {\n"
    "  const uint32_t bits = $_bits(u);\n"
    "  const int32_t e = (int32_t)(bits - 0x3F3504F3u) >> 23;\n"
    "  const float f = $_float(bits - ((uint32_t)e << 23)) - 1.0f, z = f * f, exponent = (float)e;\n"
    "  float p = 7.0376836292e-2f, y;\n"
    "  p = p * f - 1.1514610310e-1f;\n"
    "  p = p * f + 1.1676998740e-1f;\n"
    "  p = p * f - 1.2420140846e-1f;\n"
    "  p = p * f + 1.4249322787e-1f;\n"
    "  p = p * f - 1.6668057665e-1f;\n"
    "  p = p * f + 2.0000714765e-1f;\n"
    "  p = p * f - 2.4999993993e-1f;\n"
    "  p = p * f + 3.3333331174e-1f;\n"
    "  y = p * f * z - 2.12194440e-4f * exponent;\n"
    "  y = y - 0.5f * z;\n"
    "  return (f + y) + 0.693359375f * exponent;\n"
    "}\n"
    "\n"
    "/* cos and sin of 2 pi w / 2^32 */\n"
    "static void $_turn(uint32_t w, float *cosine, float *sine) {\n"
    "  const uint32_t q = (w + 0x20000000u) >> 30;\n"
    "  const float x = (float)(int32_t)(w << 2) * (0.785398163397448310f * 0x1p-31f), z = x * x;\n"
    "  const float s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * x + x;\n"
    "  float c = ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z;\n"
    "  c = c - 0.5f * z + 1.0f;\n"
    "  *cosine = (q & 1u) != 0 ? s : c;\n"
    "  *sine = (q & 1u) != 0 ? c : s;\n"
    "  if (((q + 1u) & 2u) != 0) *cosine = -*cosine;\n"
    "  if ((q & 2u) != 0) *sine = -*sine;\n"
    "}\n"
    "\n"
    "static void $_normals(uint64_t seed, uint64_t index, float *z) {\n"
    "  const uint64_t key = $_mix($_mix(seed));\n"
    "  for (int at = 0; at < $_NOISE; at += 4) {\n"
    "    uint32_t w[4];\n"
    "    $_philox(key, index, (uint32_t)(at / 4), w);\n"
    "    for (int k = 0; k < 4 && at + k < $_NOISE; k += 2) {\n"
    "      const float radius = sqrtf(-2.0f * $_log_unit((float)w[k] * 0x1p-32f + 0x1p-33f));\n"
    "      float cosine, sine;\n"
    "      $_turn(w[k + 1], &cosine, &sine);\n"
    "      z[at + k] = radius * cosine;\n"
    "      if (at + k + 1 < $_NOISE) z[at + k + 1] = radius * sine;\n"
    "    }\n"
    "  }\n"
    "}\n";

static const char EXP[] = "/* infinity beyond the largest number, 0 below -87.33 */\n"
                          "static inline float $_exp(float x) {\n"
                          "  const float t = $_fma(x, 1.44269504f, 12582912.0f), n = t - 12582912.0f;\n"
                          "  const float r = $_fma(n, 2.12194440e-4f, $_fma(-n, 0.693359375f, x));\n"
                          "  float p = 0.00139256894f, y;\n"
                          "  p = $_fma(p, r, 0.00836318132f);\n"
                          "  p = $_fma(p, r, 0.0416665591f);\n"
                          "  p = $_fma(p, r, 0.16666577f);\n"
                          "  p = $_fma(p, r, 0.5f);\n"
                          "  p = $_fma(p, r * r, r) + 1.0f;\n"
                          "  y = $_float(($_bits(p) + ($_bits(t) << 23)) & $_mask(x >= -87.33654f));\n"
                          "  return $_choose($_mask(x <= 88.72283f), y, x + INFINITY);\n"
                          "}\n";

static const char ONE_PLUS[] =
    "/* 1 + e^-x, from 1 to infinity; x is held between -89 and 88 */\n"
    "static inline float $_one_plus(float x) {\n"
    "  const int32_t bits = (int32_t)$_bits(x), below = bits < 0x42B00000 ? bits : 0x42B00000;\n"
    "  const uint32_t word = (uint32_t)below, held = word < 0xC2B20000u ? word : 0xC2B20000u;\n"
    "  const float a = $_float(held), t = $_fma(a, -1.44269504f, 12582912.0f), n = t - 12582912.0f;\n"
    "  const float r = $_fma(n, 2.12194440e-4f, -$_fma(n, 0.693359375f, a));\n"
    "  float p = 0.00139256894f;\n"
    "  p = $_fma(p, r, 0.00836318132f);\n"
    "  p = $_fma(p, r, 0.0416665591f);\n"
    "  p = $_fma(p, r, 0.16666577f);\n"
    "  p = $_fma(p, r, 0.5f);\n"
    "  p = $_fma(p, r * r, r) + 1.0f;\n"
    "  return $_fma(p, $_float(($_bits(t) << 23) + 0x3F800000u), 1.0f);\n"
    "}\n";

static const char TANH[] = "static inline float $_tanh(float x) {\n"
                           "  const float a = fabsf(x), z = x * x;\n"
                           "  float p = -0.00609671417f, small, large;\n"
                           "  p = $_fma(p, z, 0.020997179f);\n"
                           "  p = $_fma(p, z, -0.0538509096f);\n"
                           "  p = $_fma(p, z, 0.133327697f);\n"
                           "  p = $_fma(p, z, -0.333333289f);\n"
                           "  small = $_fma(a, z * p, a);\n"
                           "  large = 1.0f - 2.0f / ($_exp(a + a) + 1.0f);\n"
                           "  return copysignf($_choose($_mask(a < 0.625f), small, large), x);\n"
                           "}\n";

static const char SIGMOID[] =
    "static inline float $_sigmoid(float x) { return $_choose($_mask(x == x), 1.0f / $_one_plus(x), x); }\n";

static const char SILU[] = "static inline float $_silu(float x) { return x / $_one_plus(x); }\n";

static const char SOFTPLUS[] = "static inline float $_softplus(float x) {\n"
                               "  const float e = $_exp(-fabsf(x)), s = e / (2.0f + e), w = s * s;\n"
                               "  float p = 0.116121646f;\n"
                               "  p = $_fma(p, w, 0.108532879f);\n"
                               "  p = $_fma(p, w, 0.14296179f);\n"
                               "  p = $_fma(p, w, 0.199998532f);\n"
                               "  p = $_fma(p, w, 0.333333337f);\n"
                               "  return $_choose($_mask(x < 0.0f), 0.0f, x) + 2.0f * $_fma(s, w * p, s);\n"
                               "}\n";

static const char MAX[] =
    "static inline float $_max(float a, float b) { return $_choose($_mask((a > b) | (a != a)), a, b); }\n";
static const char MIN[] =
    "static inline float $_min(float a, float b) { return $_choose($_mask((a < b) | (a != a)), a, b); }\n";

static const char LATTICE[] = "/* To the nearest multiple of 1 / power; power 0: as it is. */\n"
                              "static double $_lattice(double x, double power) {\n"
                              "  const double scaled = x * power;\n"
                              "  if (!(power > 0)) return x;\n"
                              "  return fabs(scaled) < 0x1p53 ? round(scaled) / power : x;\n"
                              "}\n";

static const char QUANTILE[] =
    "/* The value at probability u of column c. Its distribution function rises by upper - lower at a knot "
    "and along a line\n"
    " * between knots. */\n"
    "static double $_quantile(int c, double u) {\n"
    "  const int32_t first = $_knots[c], end = $_knots[c + 1];\n"
    "  const double power = $_power[c], half = power > 0 ? 0.5 / power : 0;\n"
    "  int32_t k = first, high = end;\n"
    "  double x;\n"
    "  if (!(u >= 0)) return u;\n"
    "  while (high - k > 1) {\n"
    "    const int32_t middle = k + (high - k) / 2;\n"
    "    if ($_lower[middle] <= u)\n"
    "      k = middle;\n"
    "    else\n"
    "      high = middle;\n"
    "  }\n"
    "  if (u <= $_upper[k] || k + 1 == end) {\n"
    "    x = $_lattice($_x[k], power);\n"
    "  } else {\n"
    "    const double a = $_x[k] + ($_upper[k] > $_lower[k] ? half : 0);\n"
    "    const double b = $_x[k + 1] - ($_upper[k + 1] > $_lower[k + 1] ? half : 0);\n"
    "    const double mass = $_lower[k + 1] - $_upper[k], share = mass > 0 ? (u - $_upper[k]) / mass : 0;\n"
    "    x = $_lattice(a * (1 - share) + b * share, power);\n"
    "  }\n"
    "  return x < $_minimum[c] ? $_minimum[c] : x > $_maximum[c] ? $_maximum[c] : x;\n"
    "}\n";

typedef struct piece_row {
  const char *text;
  pf_piece needs[2]; /* PF_PIECE_COUNT: nothing more */
} piece_row;

#define NOTHING                                                                                              \
  { PF_PIECE_COUNT, PF_PIECE_COUNT }
static const piece_row PIECES[PF_PIECE_OP] = {
    [PF_PIECE_WORD] = {WORD, NOTHING},
    [PF_PIECE_CHOOSE] = {CHOOSE, {PF_PIECE_WORD, PF_PIECE_COUNT}},
    [PF_PIECE_FMA] = {FMA, NOTHING},
    [PF_PIECE_HALF] = {HALF, {PF_PIECE_WORD, PF_PIECE_COUNT}},
    [PF_PIECE_NORMALS] = {NORMALS, {PF_PIECE_WORD, PF_PIECE_COUNT}},
    [PF_PIECE_EXP] = {EXP, {PF_PIECE_CHOOSE, PF_PIECE_FMA}},
    [PF_PIECE_ONE_PLUS] = {ONE_PLUS, {PF_PIECE_WORD, PF_PIECE_FMA}},
    [PF_PIECE_TANH] = {TANH, {PF_PIECE_EXP, PF_PIECE_COUNT}},
    [PF_PIECE_SIGMOID] = {SIGMOID, {PF_PIECE_CHOOSE, PF_PIECE_ONE_PLUS}},
    [PF_PIECE_SILU] = {SILU, {PF_PIECE_ONE_PLUS, PF_PIECE_COUNT}},
    [PF_PIECE_SOFTPLUS] = {SOFTPLUS, {PF_PIECE_EXP, PF_PIECE_COUNT}},
    [PF_PIECE_MAX] = {MAX, {PF_PIECE_CHOOSE, PF_PIECE_COUNT}},
    [PF_PIECE_MIN] = {MIN, {PF_PIECE_CHOOSE, PF_PIECE_COUNT}},
    [PF_PIECE_LATTICE] = {LATTICE, NOTHING},
    [PF_PIECE_QUANTILE] = {QUANTILE, {PF_PIECE_LATTICE, PF_PIECE_COUNT}},
};

static const char *const EXPRESSIONS[PF_OP_COUNT] = {
#define PF_OP(NAME, name, arity, kind, expression, onnx) [PF_OP_##NAME] = PF_TO_TEXT((expression)),
#include "../graph/ops.def"
#undef PF_OP
};

void pf_pieces_want(pf_pieces *pieces, pf_piece piece) {
  if (piece >= PF_PIECE_COUNT || pieces->wanted[piece]) return;
  pieces->wanted[piece] = true;
  if (piece >= PF_PIECE_OP) return;
  for (int i = 0; i < 2; i++) pf_pieces_want(pieces, PIECES[piece].needs[i]);
}

pf_piece pf_piece_of(pf_op op) {
  switch (op) {
  case PF_OP_ADD:
  case PF_OP_SUB:
  case PF_OP_MUL:
  case PF_OP_DIV:
  case PF_OP_NEG: return PF_PIECE_COUNT;
  case PF_OP_EXP: return PF_PIECE_EXP;
  case PF_OP_TANH: return PF_PIECE_TANH;
  case PF_OP_SIGMOID: return PF_PIECE_SIGMOID;
  case PF_OP_SILU: return PF_PIECE_SILU;
  case PF_OP_SOFTPLUS: return PF_PIECE_SOFTPLUS;
  case PF_OP_MAX: return PF_PIECE_MAX;
  case PF_OP_MIN: return PF_PIECE_MIN;
  default: return (pf_piece)(PF_PIECE_OP + op);
  }
}

void pf_emit_template(pf_text *out, const char *prefix, const char *text) {
  for (const char *at = text; *at;) {
    const size_t plain = strcspn(at, "$");
    pf_text_add_bytes(out, at, plain);
    at += plain;
    if (*at != '$') break;
    pf_text_add_bytes(out, prefix, strlen(prefix));
    at++;
  }
}

static void write_op(pf_op op, const char *prefix, pf_text *out) {
  static const char *const operands[] = {"float x", "float x, float y", "float x, float y, float z"};
  static const char *const values[] = {"a = (double)x", "a = (double)x, b = (double)y",
                                       "a = (double)x, b = (double)y, c = (double)z"};
  const int arity = pf_op_arity(op);
  pf_text_add(out, "static float %s_%s(%s) {\n  const double %s;\n  return (float)%s;\n}\n\n", prefix,
              pf_op_name(op), operands[arity - 1], values[arity - 1], EXPRESSIONS[op]);
}

void pf_pieces_write(const pf_pieces *pieces, const char *prefix, pf_text *out) {
  for (int i = 0; i < PF_PIECE_OP; i++) {
    if (!pieces->wanted[i]) continue;
    pf_emit_template(out, prefix, PIECES[i].text);
    pf_text_add(out, "\n");
  }
  for (int op = 0; op < PF_OP_COUNT; op++)
    if (pieces->wanted[PF_PIECE_OP + op]) write_op((pf_op)op, prefix, out);
}
