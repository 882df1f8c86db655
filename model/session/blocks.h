// When a recording runs in blocks, and in which. The tool and the C library share it, so that both
// give the same bits.
#ifndef LIGERO_PLATFORMS_CAPI_RECORDING_BLOCKS_H_
#define LIGERO_PLATFORMS_CAPI_RECORDING_BLOCKS_H_

namespace ligero {

/// Longer recordings run in blocks: run at once, memory grows with the length.
inline constexpr double kMostWholeSeconds = 60.0;
/// There is no hurry in a file: long blocks, so that little is computed twice.
inline constexpr double kFileBlockSeconds = 10.0;
/// That a block sees before and after itself.
inline constexpr double kFileAroundSeconds = 2.0;

}  // namespace ligero

#endif  // LIGERO_PLATFORMS_CAPI_RECORDING_BLOCKS_H_
