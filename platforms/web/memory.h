/* SPDX-License-Identifier: Apache-2.0 */
/* What JavaScript needs beside the C API (ligero.h): memory to put models, samples and results in, and which
 * kernels a module has. CMakeLists.txt lists what a module exports. */
#ifndef LIGERO_PLATFORMS_WEB_MEMORY_H_
#define LIGERO_PLATFORMS_WEB_MEMORY_H_

#include "runtime/api/ligero.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `bytes` bytes, 64-byte aligned; NULL without memory. Load. */
LIGERO_API void* ligero_web_allocate(size_t bytes);
LIGERO_API void ligero_web_free(void* memory);

/* The name of the fastest kernels of this module: "wasm" or "ref". Any thread. */
LIGERO_API const char* ligero_web_kernels(void);

#ifdef __cplusplus
}
#endif

#endif /* LIGERO_PLATFORMS_WEB_MEMORY_H_ */
