// SPDX-License-Identifier: Apache-2.0
// `ligero live --raw`: samples without a header from stdin, the voice to stdout. Not: devices.
#ifndef LIGERO_PLATFORMS_CLI_LIVE_LIVE_RAW_H_
#define LIGERO_PLATFORMS_CLI_LIVE_LIVE_RAW_H_

#include "platforms/cli/live/live_options.h"
#include "platforms/cli/sound/raw.h"

namespace ligero::cli {

/// Until stdin ends: out comes one channel of the same rate and coding, later by the latency that is
/// said on stderr; at the end the rest follows. Throws Refusal.
void live_raw(const LiveOptions& options, const RawFormat& format);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_LIVE_LIVE_RAW_H_
