/* NPZ archives: a zip of NPY members, stored or deflated, zip64 sizes included. Source: PKWARE APPNOTE 6.3.
 */
#ifndef PF_DATA_NPZ_H
#define PF_DATA_NPZ_H

#include "data/table.h"

/* Reads one array of an archive as pf_npy_read does. `array` is its name without ".npy"; NULL takes the only
 * one. PF_BAD_INPUT: not a zip, damaged, encrypted or another compression, a wrong CRC-32. PF_USAGE: the name
 * is not in the archive, or there are several and none was named (the message lists them). */
pf_status pf_npz_read(const char *path, const char *array, const pf_read_options *options, pf_table **out,
                      pf_error *error);
pf_status pf_npz_read_bytes(const void *bytes, size_t length, const char *array,
                            const pf_read_options *options, pf_table **out, pf_error *error);

#endif
