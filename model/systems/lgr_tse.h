// LGR-TSE by name (systems.h): local-global representation for target speaker extraction.
#ifndef LIGERO_MODEL_SYSTEMS_LGR_TSE_H_
#define LIGERO_MODEL_SYSTEMS_LGR_TSE_H_

#include "model/systems/systems.h"

namespace ligero {

/// Builds `enroll` and `extract`. Throws SystemError for options or tensors that do not fit.
ModelDraft build_lgr_tse(Options& options, Weights& weights);

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_LGR_TSE_H_
