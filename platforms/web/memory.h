/* SPDX-License-Identifier: Apache-2.0 */
/* What a page needs beside the C API: memory, and which kernels run. JavaScript calls these functions
 * and those of ligero.h; CMakeLists.txt lists them. */
#ifndef LIGERO_PLATFORMS_WEB_MEMORY_H_
#define LIGERO_PLATFORMS_WEB_MEMORY_H_

#include "runtime/api/ligero.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `bytes` bytes, 64-byte aligned, for models, samples and results; NULL without memory. Load. */
LIGERO_API void* ligero_web_allocate(size_t bytes);
LIGERO_API void ligero_web_free(void* memory);

/* The name of the fastest kernels of this module: "wasm" or "ref". Any thread. */
LIGERO_API const char* ligero_web_kernels(void);

#ifdef __cplusplus
}
#endif

#endif /* LIGERO_PLATFORMS_WEB_MEMORY_H_ */
