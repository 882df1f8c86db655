# SPDX-License-Identifier: Apache-2.0
# The Python environment, and jobs that are a module of ligero_torch.
# shellcheck shell=sh
. platforms/jobs/lib/build.sh

venv=build/venv
torch_version=2.13.0
parity_modules="numpy scipy safetensors soundfile pytest" # without these nothing of Python runs
requirements=model/torch/requirements.txt

# Makes $venv where it is not there. False, with the reason said, where that cannot be done.
make_venv() {
    if [ -x $venv/bin/python ] && $venv/bin/python -m pip --version >/dev/null 2>&1; then
        return 0
    fi
    python=${PYTHON:-python3}
    if ! command -v "$python" >/dev/null 2>&1 ||
        [ "$("$python" -c 'import sys; print(sys.base_prefix)' 2>/dev/null)" = /usr ]; then
        install_packages python3 python3-venv python3-dev
    fi
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || {
        say "$python is not Python 3.9 or newer"
        return 1
    }
    "$python" -c 'import venv, ensurepip' 2>/dev/null || {
        say "$python has no venv or ensurepip (on Debian: package python3-venv)"
        return 1
    }
    say "making a Python environment in $venv with $("$python" --version)"
    rm -rf $venv
    mkdir -p build
    "$python" -m venv $venv
}

# have_modules NAME...: the environment can import them.
have_modules() {
    $venv/bin/python -c 'import importlib.util as u, sys
sys.exit(any(u.find_spec(name) is None for name in sys.argv[1:]))' "$@"
}

pip_install() { $venv/bin/python -m pip install --quiet "$@" >>build/pip.log 2>&1; }

# The reference's packages; false where PyTorch cannot be had. Nothing is fetched twice.
install_modules() {
    # shellcheck disable=SC2086
    if ! have_modules torch $parity_modules; then
        say "installing PyTorch $torch_version and $parity_modules into $venv"
        # The CPU build where the package index has one: it is a tenth of the size.
        pip_install "torch==$torch_version+cpu" $parity_modules ||
            pip_install "torch==$torch_version" $parity_modules || return 1
    fi
    modules=$(sed 's/[^a-zA-Z0-9_].*//' $requirements)
    # shellcheck disable=SC2086
    have_modules $modules && return 0
    say "installing what else $requirements lists into $venv"
    pip_install -r $requirements && return 0
    for module in $modules; do
        have_modules "$module" || pip_install "$module" ||
            say "$module could not be installed (build/pip.log); what needs it is missing"
    done
}

# with_tools COMMAND...: with ligero_torch on Python's path, and the tools' and the library's names in the environment.
with_tools() {
    PYTHONPATH=$root/model/torch${PYTHONPATH:+:$PYTHONPATH} LIGERO=$root/$ligero \
        LIGERO_CONVERT=$root/$convert LIGERO_LIBRARY=$root/$build/platforms/capi/libligero.so "$@"
}

# python_job MODULE ARGS...: ends as ligero_torch.MODULE does. What it prints may be for a machine, so all
# else goes to stderr.
python_job() {
    module=$1
    shift
    { make_venv && install_modules; } >&2 || fail "PyTorch could not be installed (build/pip.log)"
    with_tools $venv/bin/python -m "ligero_torch.$module" "$@"
}
