/* What the container's reader and writer share. */
#ifndef PF_DATA_SAFETENSORS_INTERNAL_H
#define PF_DATA_SAFETENSORS_INTERNAL_H

#include "data/safetensors.h"

typedef struct pf_metadata {
  char *key, *value;
} pf_metadata;

struct pf_container {
  pf_array *arrays; /* sorted by name */
  int64_t count, capacity;
  pf_metadata *strings; /* sorted by key, without the checksums */
  int64_t string_count, string_capacity;
};

enum { PF_CONTAINER_MAX_HEADER = 100 * 1000 * 1000, PF_CHECKSUM_DIGITS = 8 };

bool pf_dtype_parse(const char *name, pf_dtype *out);
/* Fills elements and bytes from dtype, rank and dims; false when a dim is negative or a product overflows. */
bool pf_array_measure(pf_array *array);
/* The two keys of the checksums. */
bool pf_metadata_reserved(const char *key);

/* Where the digits of crc32_header stand in a header, or NULL. No string of the header can imitate the place:
 * inside JSON strings a quote always follows a backslash. */
char *pf_container_checksum_place(char *header, size_t length);
/* CRC-32 of the 8 length bytes and the header, with the digits of crc32_header read as '0'. */
uint32_t pf_container_header_checksum(const char *header, size_t length, const char *digits);
uint32_t pf_container_data_checksum(const void *data, size_t length);

#endif
