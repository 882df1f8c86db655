#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run bench [--quick]: compare speed and memory with ONNX Runtime, OpenVINO and PyTorch (--help)
set -eu
. platforms/jobs/lib/python.sh

# The runtimes that ligero is measured against. What is there at its version is not fetched again.
install_peers() {
    while read -r peer; do
        pip_install "$peer" || say "$peer could not be installed (build/pip.log); its rows are missing"
    done <model/torch/requirements-bench.txt
}

build_tools ligero_shared >&2
make_venv >&2 || fail "there is no Python environment"
install_peers >&2
python_job bench.runtimes "$@"
