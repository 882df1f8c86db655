/* SPDX-License-Identifier: Apache-2.0 */
/* Whole recordings through the C library, as `ligero enroll` and `ligero extract` process them. The
 * Python package calls these functions. Not: the public API (runtime/api/ligero.h). */
#ifndef LIGERO_PLATFORMS_CAPI_RECORDING_H_
#define LIGERO_PLATFORMS_CAPI_RECORDING_H_

#include "runtime/api/ligero.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Converts `frames` samples of one channel from `from_hz` to `to_hz` (8000 to 192000), aligned to the
 * sample. Writes `out_frames` samples: what lies past the recording's end is left out, or computed
 * with zeros after the recording. Load. */
LIGERO_API ligero_status ligero_resample(const float* samples,
                                         size_t frames,
                                         uint32_t from_hz,
                                         uint32_t to_hz,
                                         float* out,
                                         size_t out_frames);

/* Extracts the person of `profile` from a recording of one channel at `rate_hz`, full scale 1, into
 * `out`: `frames` samples, aligned to the input. `out` may be `samples`. A recording of at most one
 * minute runs at once; a longer one runs in blocks, so the network's memory does not grow. `profile` is
 * NULL exactly where the network takes none. NaN and infinities count as zero. `bandwidth`: a ligero_bandwidth. On a refusal, `out` is
 * unchanged. Load. */
LIGERO_API ligero_status ligero_extract(const ligero_model* model,
                                        const ligero_profile* profile,
                                        const float* samples,
                                        size_t frames,
                                        uint32_t rate_hz,
                                        uint32_t bandwidth,
                                        float* out);

#ifdef __cplusplus
}
#endif

#endif /* LIGERO_PLATFORMS_CAPI_RECORDING_H_ */
