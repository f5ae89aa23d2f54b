/* NPY headers (numpy.lib.format): "\x93NUMPY", version, little-endian header length (2 bytes in 1.0, 4 in 2.0 and
 * 3.0), then {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), } padded with spaces to a newline. */
#include "data/npy_header.h"

#include <string.h>
#include "base/memory.h"
#include "data/csv_header.h"
#include "data/table.h"

enum { LONGEST_HEADER = 1 << 16 };

/* ---- the literal ---- */

static void skip_blanks(const char **at) {
  while (**at == ' ' || **at == '\t' || **at == '\n') (*at)++;
}

static bool take(const char **at, const char *word) {
  skip_blanks(at);
  size_t length = strlen(word);
  if (strncmp(*at, word, length) != 0) return false;
  *at += length;
  return true;
}

/* A quoted string shorter than `room`, without escapes. */
static bool take_string(const char **at, char *out, size_t room) {
  skip_blanks(at);
  char quote = **at;
  if (quote != '\'' && quote != '"') return false;
  const char *start = ++*at, *end = strchr(start, quote);
  if (!end || (size_t)(end - start) >= room) return false;
  memcpy(out, start, (size_t)(end - start));
  out[end - start] = '\0';
  *at = end + 1;
  return true;
}

static bool take_size(const char **at, int64_t *out) {
  skip_blanks(at);
  if (**at < '0' || **at > '9') return false;
  int64_t value = 0;
  for (; **at >= '0' && **at <= '9'; (*at)++) {
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, **at - '0', &value))
      return false;
  }
  take(at, "L"); /* written by Python 2 */
  *out = value;
  return true;
}

static bool take_shape(const char **at, pf_npy_header *header) {
  if (!take(at, "(")) return false;
  bool comma = true;
  header->rank = 0;
  while (!take(at, ")")) {
    if (!comma || header->rank == PF_NPY_MAX_RANK) return false;
    if (!take_size(at, &header->shape[header->rank++])) return false;
    comma = take(at, ",");
  }
  return header->rank != 1 || comma; /* (3) is a number in Python, not a tuple */
}

static bool take_truth(const char **at, bool *out) {
  *out = take(at, "True");
  return *out || take(at, "False");
}

/* The dict: every key once, nothing else. */
static bool parse_literal(const char *at, pf_npy_header *header) {
  int seen[3] = {0};
  bool comma = true;
  if (!take(&at, "{")) return false;
  while (!take(&at, "}")) {
    char key[16];
    if (!comma || !take_string(&at, key, sizeof key) || !take(&at, ":")) return false;
    bool good = false;
    if (strcmp(key, "descr") == 0) {
      good = !seen[0]++ && take_string(&at, header->descr, sizeof header->descr);
    } else if (strcmp(key, "fortran_order") == 0) {
      good = !seen[1]++ && take_truth(&at, &header->fortran_order);
    } else if (strcmp(key, "shape") == 0) {
      good = !seen[2]++ && take_shape(&at, header);
    }
    if (!good) return false;
    comma = take(&at, ",");
  }
  skip_blanks(&at);
  return *at == '\0' && seen[0] && seen[1] && seen[2];
}

/* ---- meaning ---- */

/* '<', '>', '|' or '=' (this machine's order; every one we build for is little), kind, size. */
static bool parse_descr(pf_npy_header *header) {
  const char *descr = header->descr;
  if (strlen(descr) != 3 || !strchr("<>|=", descr[0]) || !strchr("fiub", descr[1])) return false;
  header->big_endian = descr[0] == '>';
  header->kind = descr[1];
  header->size = descr[2] - '0';
  int size = header->size;
  if (descr[0] == '|' && size != 1) return false;
  if (header->kind == 'b') return size == 1;
  if (header->kind == 'f') return size == 4 || size == 8;
  return size == 1 || size == 2 || size == 4 || size == 8;
}

static pf_status check_shape(pf_npy_header *header, const char *name, pf_error *error) {
  if (header->rank == 0) return pf_fail(error, PF_BAD_INPUT, "%.200s: a single number, not an array", name);
  int64_t cells = 0;
  header->rows = header->shape[0];
  header->columns = 1;
  bool overflow = false;
  for (int i = 1; i < header->rank; i++) {
    overflow |= __builtin_mul_overflow(header->columns, header->shape[i], &header->columns);
  }
  if (overflow || header->columns < 1 || header->columns > PF_TABLE_MAX_COLUMNS) {
    return pf_fail(error, PF_BAD_INPUT, "%.200s: the shape gives %s columns; 1 to %d are possible", name,
                   !overflow && header->columns == 0 ? "no" : "too many", PF_TABLE_MAX_COLUMNS);
  }
  if (__builtin_mul_overflow(header->rows, header->columns, &cells) ||
      __builtin_mul_overflow(cells, header->size, &header->bytes)) {
    return pf_fail(error, PF_BAD_INPUT, "%.200s: a shape of %lld rows does not fit in memory", name,
                   (long long)header->rows);
  }
  return PF_OK;
}

/* ---- the bytes ---- */

static pf_status read_exactly(pf_source *source, void *buffer, size_t length, const char *what,
                              pf_error *error) {
  size_t got = 0;
  PF_TRY(source->read(source, buffer, length, &got, error));
  if (got == length) return PF_OK;
  return pf_fail(error, PF_BAD_INPUT, "%.200s: truncated inside the %s: %zu of %zu bytes", source->name, what,
                 got, length);
}

static pf_status read_length(pf_source *source, size_t *out, pf_error *error) {
  uint8_t lead[8], length[4] = {0};
  PF_TRY(read_exactly(source, lead, sizeof lead, "NPY magic", error));
  if (memcmp(lead, "\x93NUMPY", 6) != 0) {
    return pf_fail(error, PF_BAD_INPUT, "%.200s: not an NPY file (wrong first bytes)", source->name);
  }
  if (lead[6] < 1 || lead[6] > 3 || lead[7] != 0) {
    return pf_fail(error, PF_BAD_INPUT, "%.200s: NPY version %d.%d; 1.0, 2.0 and 3.0 are known", source->name,
                   lead[6], lead[7]);
  }
  PF_TRY(read_exactly(source, length, lead[6] == 1 ? 2 : 4, "NPY header length", error));
  *out = (size_t)length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
  if (*out <= LONGEST_HEADER) return PF_OK;
  return pf_fail(error, PF_BAD_INPUT, "%.200s: an NPY header of %zu bytes; at most %d are accepted",
                 source->name, *out, LONGEST_HEADER);
}

static pf_status interpret(const char *text, size_t length, const char *name, pf_npy_header *header,
                           pf_error *error) {
  char shown[48];
  pf_csv_show(text, length, shown);
  if (strlen(text) != length || !parse_literal(text, header)) {
    return pf_fail(error, PF_BAD_INPUT, "%.200s: malformed NPY header: %s", name, shown);
  }
  pf_csv_show(header->descr, strlen(header->descr), shown);
  if (!parse_descr(header)) {
    return pf_fail(error, PF_BAD_INPUT,
                   "%.200s: element type '%s'; f4, f8, i1..i8, u1..u8 and b1 can be read", name, shown);
  }
  return check_shape(header, name, error);
}

pf_status pf_npy_header_read(pf_source *source, pf_npy_header *out, pf_error *error) {
  size_t length = 0;
  char *text = NULL;
  pf_npy_header header = {0};
  PF_TRY(read_length(source, &length, error));
  PF_TRY(pf_alloc(length + 1, 1, &text, error));
  pf_status status = read_exactly(source, text, length, "NPY header", error);
  if (status == PF_OK) status = interpret(text, length, source->name, &header, error);
  pf_free(text);
  if (status == PF_OK) *out = header;
  return status;
}
