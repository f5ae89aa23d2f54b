/* Byte sources: see table_source.h. */
#include "data/table_source.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static pf_status read_stream(pf_source *source, void *buffer, size_t capacity, size_t *got, pf_error *error) {
  size_t count = fread(buffer, 1, capacity, source->stream);
  if (count < capacity && ferror(source->stream)) {
    return pf_fail(error, PF_IO, "%.200s: reading failed: %s", source->name, strerror(errno));
  }
  if (source->size >= (int64_t)count) source->size -= (int64_t)count;
  *got = count;
  return PF_OK;
}

static pf_status read_memory(pf_source *source, void *buffer, size_t capacity, size_t *got, pf_error *error) {
  (void)error;
  size_t count = source->left < capacity ? source->left : capacity;
  if (count) memcpy(buffer, source->bytes, count);
  source->bytes += count;
  source->left -= count;
  source->size = (int64_t)source->left;
  *got = count;
  return PF_OK;
}

pf_source pf_source_stream(FILE *stream, const char *name) {
  struct stat facts;
  off_t at = ftello(stream);
  bool regular = fstat(fileno(stream), &facts) == 0 && S_ISREG(facts.st_mode) && at >= 0;
  int64_t size = regular && facts.st_size >= at ? (int64_t)(facts.st_size - at) : -1;
  return (pf_source){.read = read_stream, .name = name, .size = size, .stream = stream};
}

pf_source pf_source_memory(const void *bytes, size_t length, const char *name) {
  return (pf_source){
      .read = read_memory, .name = name, .size = (int64_t)length, .bytes = bytes, .left = length};
}

pf_status pf_open_input(const char *path, FILE **out, pf_error *error) {
  struct stat facts;
  FILE *stream = fopen(path, "rb");
  if (!stream) return pf_fail(error, PF_IO, "%.200s: cannot open: %s", path, strerror(errno));
  if (fstat(fileno(stream), &facts) == 0 && S_ISDIR(facts.st_mode)) {
    fclose(stream);
    return pf_fail(error, PF_IO, "%.200s: cannot read: %s", path, strerror(EISDIR));
  }
  *out = stream;
  return PF_OK;
}
