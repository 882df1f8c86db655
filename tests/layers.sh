#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Who may include whom (CONTRIBUTING.md): reads the include lines of the sources and names every one
# that points the wrong way. Usage: tests/layers.sh [SOURCE_DIR]
set -u
cd "${1:-$(dirname "$0")/..}" || exit 2
bad=$(mktemp) || exit 2
trap 'rm -f "$bad"' EXIT

# The converter's main line is a tool and ends, refuses, reads, writes and shows progress as one; its
# library does not.
allowed='^converter/(main|recordings)\.cc:[0-9]+:#include "platforms/cli/(files|program|progress|refusal|sound/sound)\.h"'

# refuse FOLDER PATTERN WHY: no file under FOLDER may include anything that matches PATTERN.
refuse() {
  find "$1" \( -name '*.h' -o -name '*.cc' -o -name '*.c' \) -print0 2>/dev/null |
    xargs -0 -r grep -nHE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)" |
    grep -vE "$allowed" |
    sed "s|\$|    <- $3|" >>"$bad"
}

refuse runtime/base '(runtime/[a-z_]+\.h|ops/|model/|converter/|platforms/|tests/)' 'runtime/base stands alone'
refuse runtime '(ops/|model/|converter/|platforms/|tests/)' 'runtime knows no op, model or platform'
refuse ops '(model/|converter/|platforms/|tests/)' 'ops know no model or platform'
refuse ops/kernels '(runtime/[a-z_]+\.h|ops/[a-z0-9_]+\.h|runtime/base/status\.h)' 'kernels know no tensor, graph or status'
refuse model '(converter/|platforms/|tests/)' 'model knows no converter or platform'
refuse model/format 'model/(systems|session)/' 'the format knows no network'
refuse model/session 'model/systems/' 'sessions know no network by name'
refuse converter '(platforms/|tests/)' 'the converter knows no platform'
refuse platforms 'tests/' 'nothing includes tests'
for folder in runtime ops model converter platforms/cli platforms/capi platforms/plugins tests; do
  refuse $folder '(cuda[a-z_]*\.h|cublas|cudnn|nvrtc)' 'CUDA stays in platforms/cuda'
done
for folder in runtime ops model platforms; do
  refuse $folder '(Eigen/|unsupported/Eigen/)' 'Eigen is for the converter and tests'
done

if [ -s "$bad" ]; then
  cat "$bad"
  exit 1
fi
echo "include lines point the right way"
