#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run sbom: write the bill of materials (CycloneDX) of build/native and of the Python reference
set -eu
. platforms/jobs/lib/python.sh

build_all
{ make_venv && install_modules; } || fail "PyTorch could not be installed (build/pip.log)"
have_modules cyclonedx jsonschema || pip_install "cyclonedx-python-lib[json-validation]>=11" ||
    fail "cyclonedx-python-lib could not be installed (build/pip.log)"
$venv/bin/python platforms/sbom/make_sbom.py --build "$build" --requirements $requirements -o build/ligero.cdx.json
