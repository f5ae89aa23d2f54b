/* NPZ reading: the central directory at the end of the archive names the members; the chosen one is a byte source
 * for the NPY reader, inflated on the fly and checked against its size and CRC-32.
 *
 * Layout (PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12, 4.3.14 - 4.3.16, 4.5.3): all numbers little endian. */
#include "data/npz.h"

#include <string.h>
#include <zlib.h>
#include "base/memory.h"
#include "base/text.h"
#include "data/npy.h"
#include "data/csv_header.h"
#include "data/table_source.h"

enum { CHUNK = 1 << 16, LARGEST_DIRECTORY = 1 << 26, MOST_MEMBERS = 1 << 16 };
enum { STORED = 0, DEFLATED = 8, ENCRYPTED = 1 };
enum { END_SIZE = 22, LOCATOR_SIZE = 20, END64_SIZE = 56, ENTRY_SIZE = 46, LOCAL_SIZE = 30 };
enum { LARGEST_RATIO = 1032 }; /* deflate cannot expand a byte to more (zlib technical notes) */

typedef struct archive {
  FILE *stream;         /* or */
  const uint8_t *bytes; /* in memory */
  uint64_t size;
  const char *name;
} archive;

typedef struct member {
  char *name; /* without ".npy" */
  uint32_t crc;
  int method, flags;
  uint64_t packed, size, offset;
} member;

typedef struct directory {
  member *members;
  size_t count, capacity;
} directory;

static uint64_t little(const uint8_t *at, int size) {
  uint64_t value = 0;
  for (int i = size - 1; i >= 0; i--) value = value << 8 | at[i];
  return value;
}

static pf_status fail_damaged(const archive *zip, const char *what, pf_error *error) {
  return pf_fail(error, PF_BAD_INPUT, "%.200s: damaged or not an NPZ archive: %s", zip->name, what);
}

static pf_status read_at(const archive *zip, uint64_t offset, void *out, size_t length, pf_error *error) {
  if (offset > zip->size || length > zip->size - offset) {
    return fail_damaged(zip, "it points beyond its own end", error);
  }
  if (length == 0) return PF_OK;
  if (zip->bytes) {
    memcpy(out, zip->bytes + offset, length);
    return PF_OK;
  }
  if (fseeko(zip->stream, (off_t)offset, SEEK_SET) != 0 || fread(out, 1, length, zip->stream) != length) {
    return pf_fail(error, PF_IO, "%.200s: reading failed at byte %llu", zip->name,
                   (unsigned long long)offset);
  }
  return PF_OK;
}

/* ---- the directory ---- */

/* The end record: the last signature whose comment reaches exactly to the end of the file. */
static pf_status find_end(const archive *zip, uint64_t *offset, uint8_t record[END_SIZE], pf_error *error) {
  uint64_t reach = zip->size < END_SIZE + 65535 ? zip->size : END_SIZE + 65535;
  uint8_t *tail = NULL;
  bool found = false;
  PF_TRY(pf_alloc(reach, 1, &tail, error));
  pf_status status = read_at(zip, zip->size - reach, tail, reach, error);
  for (uint64_t back = END_SIZE; status == PF_OK && !found && back <= reach; back++) {
    const uint8_t *at = tail + (reach - back);
    found = little(at, 4) == 0x06054b50 && little(at + 20, 2) == back - END_SIZE;
    if (!found) continue;
    memcpy(record, at, END_SIZE);
    *offset = zip->size - back;
  }
  pf_free(tail);
  if (status != PF_OK) return status;
  return found ? PF_OK : fail_damaged(zip, "no end record; the file is cut off or not a zip", error);
}

/* Where the central directory lies; a zip64 record overrides the short one. */
static pf_status find_directory(const archive *zip, uint64_t *offset, uint64_t *size, pf_error *error) {
  uint8_t end[END_SIZE], locator[LOCATOR_SIZE], end64[END64_SIZE];
  uint64_t at = 0;
  PF_TRY(find_end(zip, &at, end, error));
  *size = little(end + 12, 4);
  *offset = little(end + 16, 4);
  bool has_locator = at >= LOCATOR_SIZE;
  if (has_locator) PF_TRY(read_at(zip, at - LOCATOR_SIZE, locator, LOCATOR_SIZE, error));
  if (has_locator && little(locator, 4) == 0x07064b50) {
    PF_TRY(read_at(zip, little(locator + 8, 8), end64, END64_SIZE, error));
    if (little(end64, 4) != 0x06064b50) return fail_damaged(zip, "wrong zip64 end record", error);
    *size = little(end64 + 40, 8);
    *offset = little(end64 + 48, 8);
  }
  if (*offset > zip->size || *size > zip->size - *offset || *size > LARGEST_DIRECTORY) {
    return fail_damaged(zip, "the directory lies outside the file", error);
  }
  return PF_OK;
}

/* Replaces the fields that are all ones by those of the zip64 extra field (tag 1). False when it is short. */
static bool apply_zip64(const uint8_t *extra, size_t length, member *entry) {
  uint64_t *fields[3] = {&entry->size, &entry->packed, &entry->offset};
  bool needed = false;
  for (int f = 0; f < 3; f++) needed |= *fields[f] == UINT32_MAX;
  while (needed && length >= 4) {
    size_t tag = (size_t)little(extra, 2), size = (size_t)little(extra + 2, 2), used = 0;
    if (size > length - 4) return false;
    for (int f = 0; tag == 1 && f < 3; f++) {
      if (*fields[f] != UINT32_MAX) continue;
      if (size - used < 8) return false;
      *fields[f] = little(extra + 4 + used, 8);
      used += 8;
    }
    if (tag == 1) return true;
    extra += 4 + size;
    length -= 4 + size;
  }
  return !needed;
}

static bool ends_with_npy(const char *name, size_t length) {
  return length > 4 && memcmp(name + length - 4, ".npy", 4) == 0;
}

static pf_status add_member(directory *list, const member *entry, const char *name, size_t length,
                            pf_error *error) {
  if (list->count == list->capacity) {
    size_t larger = 2 * list->capacity + 8;
    PF_TRY(pf_grow(&list->members, list->capacity, larger, sizeof *list->members, error));
    list->capacity = larger;
  }
  member *added = &list->members[list->count];
  *added = *entry;
  added->name = NULL;
  PF_TRY(pf_alloc(length - 3, 1, &added->name, error));
  memcpy(added->name, name, length - 4);
  list->count++;
  return PF_OK;
}

/* One entry of the directory; *used is its length. */
static pf_status parse_entry(const archive *zip, const uint8_t *at, uint64_t left, directory *list,
                             uint64_t *used, pf_error *error) {
  if (left < ENTRY_SIZE || little(at, 4) != 0x02014b50)
    return fail_damaged(zip, "wrong directory entry", error);
  size_t name = (size_t)little(at + 28, 2), extra = (size_t)little(at + 30, 2),
         comment = (size_t)little(at + 32, 2);
  if (name + extra + comment > left - ENTRY_SIZE)
    return fail_damaged(zip, "a directory entry is cut off", error);
  member entry = {.flags = (int)little(at + 8, 2),
                  .method = (int)little(at + 10, 2),
                  .crc = (uint32_t)little(at + 16, 4),
                  .packed = little(at + 20, 4),
                  .size = little(at + 24, 4),
                  .offset = little(at + 42, 4)};
  if (!apply_zip64(at + ENTRY_SIZE + name, extra, &entry))
    return fail_damaged(zip, "wrong zip64 sizes", error);
  *used = ENTRY_SIZE + name + extra + comment;
  const char *text = (const char *)at + ENTRY_SIZE;
  if (!ends_with_npy(text, name)) return PF_OK;
  if (list->count == MOST_MEMBERS) return fail_damaged(zip, "too many members", error);
  return add_member(list, &entry, text, name, error);
}

static void directory_free(directory *list) {
  for (size_t i = 0; i < list->count; i++) pf_free(list->members[i].name);
  pf_free(list->members);
}

static pf_status read_directory(const archive *zip, directory *list, pf_error *error) {
  uint64_t offset = 0, size = 0, used = 0;
  uint8_t *bytes = NULL;
  PF_TRY(find_directory(zip, &offset, &size, error));
  PF_TRY(pf_alloc(size, 1, &bytes, error));
  pf_status status = read_at(zip, offset, bytes, size, error);
  for (uint64_t at = 0; status == PF_OK && at < size; at += used) {
    status = parse_entry(zip, bytes + at, size - at, list, &used, error);
  }
  pf_free(bytes);
  return status;
}

/* ---- one member as a byte source ---- */

typedef struct unpacker {
  const archive *zip;
  const member *entry;
  uint64_t at, packed_left, size_left;
  uint32_t crc;
  z_stream inflater;
  bool ended;
  uint8_t input[CHUNK];
} unpacker;

static pf_status unpack_stored(unpacker *unpack, uint8_t *out, size_t capacity, size_t *got,
                               pf_error *error) {
  size_t count = unpack->packed_left < capacity ? (size_t)unpack->packed_left : capacity;
  PF_TRY(read_at(unpack->zip, unpack->at, out, count, error));
  unpack->at += count;
  unpack->packed_left -= count;
  *got = count;
  return PF_OK;
}

static pf_status unpack_deflated(unpacker *unpack, uint8_t *out, size_t capacity, size_t *got,
                                 pf_error *error) {
  z_stream *inflater = &unpack->inflater;
  inflater->next_out = out;
  inflater->avail_out = (uInt)capacity;
  while (inflater->avail_out > 0 && !unpack->ended) {
    if (inflater->avail_in == 0) {
      size_t count = 0;
      PF_TRY(unpack_stored(unpack, unpack->input, CHUNK, &count, error));
      if (count == 0) return fail_damaged(unpack->zip, "the compressed data is cut off", error);
      inflater->next_in = unpack->input;
      inflater->avail_in = (uInt)count;
    }
    int code = inflate(inflater, Z_NO_FLUSH);
    if (code == Z_MEM_ERROR) return pf_fail(error, PF_NO_MEMORY, "out of memory while inflating");
    if (code != Z_OK && code != Z_STREAM_END) {
      return fail_damaged(unpack->zip, inflater->msg ? inflater->msg : "bad compressed data", error);
    }
    unpack->ended = code == Z_STREAM_END;
  }
  *got = capacity - inflater->avail_out;
  return PF_OK;
}

static pf_status read_member(pf_source *source, void *buffer, size_t capacity, size_t *got, pf_error *error) {
  unpacker *unpack = source->context;
  bool stored = unpack->entry->method == STORED;
  PF_TRY((stored ? unpack_stored : unpack_deflated)(unpack, buffer, capacity, got, error));
  unpack->crc = (uint32_t)crc32(unpack->crc, buffer, (uInt)*got);
  if (*got > unpack->size_left)
    return fail_damaged(unpack->zip, "a member is longer than its entry says", error);
  unpack->size_left -= *got;
  source->size = (int64_t)unpack->size_left;
  if (*got < capacity && (unpack->size_left > 0 || unpack->crc != unpack->entry->crc)) {
    return fail_damaged(unpack->zip, "the checksum of a member is wrong", error);
  }
  return PF_OK;
}

static pf_status check_member(const archive *zip, const member *entry, uint64_t *data, pf_error *error) {
  uint8_t local[LOCAL_SIZE];
  if (entry->flags & ENCRYPTED) return fail_damaged(zip, "the array is encrypted", error);
  if (entry->method != STORED && entry->method != DEFLATED) {
    return pf_fail(error, PF_BAD_INPUT,
                   "%.200s: compression method %d; only stored and deflated arrays can be read", zip->name,
                   entry->method);
  }
  PF_TRY(read_at(zip, entry->offset, local, LOCAL_SIZE, error));
  if (little(local, 4) != 0x04034b50) return fail_damaged(zip, "wrong member header", error);
  *data = entry->offset + LOCAL_SIZE + little(local + 26, 2) + little(local + 28, 2);
  if (*data > zip->size || entry->packed > zip->size - *data) {
    return fail_damaged(zip, "a member lies outside the file", error);
  }
  uint64_t limit = entry->method == STORED ? entry->packed : entry->packed * LARGEST_RATIO + LARGEST_RATIO;
  if (entry->size > limit || entry->size > INT64_MAX) return fail_damaged(zip, "wrong member size", error);
  return PF_OK;
}

static pf_status read_array(const archive *zip, const member *entry, const pf_read_options *options,
                            pf_table **out, pf_error *error) {
  uint64_t data = 0;
  unpacker *unpack = NULL;
  PF_TRY(check_member(zip, entry, &data, error));
  PF_TRY(pf_alloc(1, sizeof *unpack, &unpack, error));
  unpack->zip = zip;
  unpack->entry = entry;
  unpack->at = data;
  unpack->packed_left = entry->packed;
  unpack->size_left = entry->size;
  pf_source source = {
      .read = read_member, .name = zip->name, .size = (int64_t)entry->size, .context = unpack};
  pf_status status = PF_OK;
  if (inflateInit2(&unpack->inflater, -MAX_WBITS) != Z_OK) {
    status = pf_fail(error, PF_NO_MEMORY, "out of memory while inflating");
  } else {
    status = pf_npy_read_source(&source, options, out, error);
    inflateEnd(&unpack->inflater);
  }
  pf_free(unpack);
  return status;
}

/* ---- choosing the array ---- */

static pf_status fail_choice(const archive *zip, const directory *list, const char *array, pf_error *error) {
  if (list->count == 0)
    return pf_fail(error, PF_BAD_INPUT, "%.200s: the archive holds no .npy array", zip->name);
  pf_text names = {0};
  for (size_t i = 0; i < list->count && names.length < 200; i++) {
    char shown[48];
    pf_csv_show(list->members[i].name, strlen(list->members[i].name), shown);
    pf_text_add(&names, "%s%s", i ? ", " : "", shown);
  }
  const char *valid = names.data ? names.data : "";
  pf_status status =
      array ? pf_fail(error, PF_USAGE, "%.150s: no array '%.60s'; it holds %.200s", zip->name, array, valid)
            : pf_fail(error, PF_USAGE, "%.150s: %zu arrays (%.200s); say FILE.npz:NAME", zip->name,
                      list->count, valid);
  pf_text_free(&names);
  return status;
}

static pf_status read_archive(const archive *zip, const char *array, const pf_read_options *options,
                              pf_table **out, pf_error *error) {
  directory list = {0};
  const member *chosen = NULL;
  pf_status status = read_directory(zip, &list, error);
  if (status == PF_OK) {
    if (!array && list.count == 1) chosen = &list.members[0];
    for (size_t i = 0; array && !chosen && i < list.count; i++) {
      if (strcmp(list.members[i].name, array) == 0) chosen = &list.members[i];
    }
    status = chosen ? read_array(zip, chosen, options, out, error) : fail_choice(zip, &list, array, error);
  }
  directory_free(&list);
  return status;
}

pf_status pf_npz_read(const char *path, const char *array, const pf_read_options *options, pf_table **out,
                      pf_error *error) {
  archive zip = {.name = options && options->name ? options->name : path};
  PF_TRY(pf_open_input(path, &zip.stream, error));
  int64_t size = pf_source_stream(zip.stream, path).size;
  zip.size = size > 0 ? (uint64_t)size : 0;
  pf_status status = read_archive(&zip, array, options, out, error);
  fclose(zip.stream);
  return status;
}

pf_status pf_npz_read_bytes(const void *bytes, size_t length, const char *array,
                            const pf_read_options *options, pf_table **out, pf_error *error) {
  archive zip = {.bytes = bytes ? bytes : (const uint8_t *)"", .size = length};
  zip.name = options && options->name ? options->name : "input";
  return read_archive(&zip, array, options, out, error);
}
