/* SPDX-License-Identifier: Apache-2.0 */
/* What a page needs beside the C API, which reads files: profiles and memory. JavaScript calls these
 * functions and those of ligero.h and platforms/capi/recording.h; CMakeLists.txt lists them. */
#ifndef LIGERO_PLATFORMS_WEB_MEMORY_H_
#define LIGERO_PLATFORMS_WEB_MEMORY_H_

#include "runtime/api/ligero.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `bytes` bytes, 64-byte aligned, for models, samples and results; NULL without memory. Load. */
LIGERO_API void* ligero_web_allocate(size_t bytes);
LIGERO_API void ligero_web_free(void* memory);

/* Checks and copies the bytes of a profile file. Load. */
LIGERO_API ligero_status ligero_web_profile_parse(const void* data, size_t bytes, ligero_profile** profile);

/* The bytes of a profile file, and how many they are. Valid until the profile is closed. Load. */
LIGERO_API const void* ligero_web_profile_data(const ligero_profile* profile);
LIGERO_API size_t ligero_web_profile_bytes(const ligero_profile* profile);

/* The name of the fastest kernels of this module: "wasm" or "ref". Any thread. */
LIGERO_API const char* ligero_web_kernels(void);

#ifdef __cplusplus
}
#endif

#endif /* LIGERO_PLATFORMS_WEB_MEMORY_H_ */
