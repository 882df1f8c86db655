#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every source file names its licence in its first line, or in the second below "#!". Names each that does
# not. Usage: tests/licence_lines.sh [SOURCE_DIR]
set -u
cd "${1:-$(dirname "$0")/..}" || exit 2
line='SPDX-License-Identifier: Apache-2\.0'

# sources: one path a line.
sources() {
    find . \( -path ./build -o -path ./.git -o -path ./shared -o -name __pycache__ \) -prune -o -type f \
        \( -name '*.cc' -o -name '*.h' -o -name '*.c' -o -name '*.cu' -o -name '*.py' -o -name '*.sh' \
        -o -name '*.cmake' -o -name CMakeLists.txt -o -name '*.in' -o -name '*.fbs' -o -name '*.ld' \
        -o -name '*.map' -o -name '*.conf' -o -path ./run -o -path ./.ci/run \) -print
}

count=$(sources | wc -l)
[ "$count" -gt 500 ] || { echo "only $count source files found in $(pwd)"; exit 1; }
lacking=$(sources | tr '\n' '\0' | xargs -0 awk -v line="$line" '
    FNR == 1 { interpreted = /^#!/; named = 0 }
    FNR <= 1 + interpreted && $0 ~ line { named = 1 }
    FNR == 1 + interpreted { if (!named) print FILENAME; nextfile }')
if [ -n "$lacking" ]; then
    echo "no line 'SPDX-License-Identifier: Apache-2.0' at the top of:"
    echo "$lacking"
    exit 1
fi
echo "$count source files name their licence"
