/* CRC-32 of bytes in memory: the checksum of a model file. */
#ifndef PF_DATA_CHECKSUM_H
#define PF_DATA_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 as zlib and PNG have it (reflected polynomial EDB88320), of `size` bytes after those that gave `crc`; 0 to begin
 * with. `bytes` may be NULL when size is 0. */
uint32_t pf_crc32(uint32_t crc, const void *bytes, size_t size);

#endif
