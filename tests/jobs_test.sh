#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run and platforms/jobs: names, help, refusals, and what is said where packages are missing. Builds
# nothing. Usage: tests/jobs_test.sh SOURCE_DIR
set -u
source=$1
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
failed=0

# The jobs in a folder whose name must be quoted, started from another.
tree="$scratch/a folder (it's \$new)"
mkdir -p "$tree/platforms" "$scratch/elsewhere" || exit 2
cp "$source/run" "$tree" && cp -R "$source/platforms/jobs" "$tree/platforms" || exit 2
cd "$scratch/elsewhere" || exit 2

# expect STATUS TEXT WHAT COMMAND...: it ends with STATUS and says TEXT.
expect() {
    wanted=$1 text=$2 what=$3
    shift 3
    status=0
    "$@" >said 2>&1 || status=$?
    if [ $status != "$wanted" ] || ! grep -qF -- "$text" said; then
        echo "not so: $what (expected $wanted and '$text'; it ended with $status and said:)"
        cat said
        failed=1
    fi
}

for file in "$source"/platforms/jobs/*.sh; do
    name=$(basename "$file" .sh)
    expect 0 "./run $name " "help lists $name" "$tree/run" help
    expect 1 "$name" "the refusal of an unknown job lists $name" "$tree/run" no-such-job
    sh -n "$file" || failed=1
done
expect 1 "no job is called 'lib/base'" "a shared file is no job" "$tree/run" lib/base
expect 1 "expected arm64 or armhf" "cross refuses an unknown processor" "$tree/run" cross mips
expect 1 "expected shared or nothing" "cross refuses an unknown kind" "$tree/run" cross arm64 static
# What check.sh says on a board where a shared tool lacks a library.
mkdir -p board/bin board/path
sed 's/@ARCH@/arm64/' "$source/platforms/toolchains/check.sh" >board/check.sh
printf '#!/bin/sh\necho aarch64\n' >board/path/uname
printf '#!/bin/sh\necho "ligero: error while loading shared libraries: libsndfile.so.1: cannot open" >&2\nexit 127\n' \
    >board/bin/ligero
chmod +x board/path/uname board/bin/ligero
expect 1 "libsndfile.so.1: cannot open; install the libraries, on Debian: apt-get install libstdc++6 libsndfile1" \
    "check.sh names the packages" env PATH="$scratch/elsewhere/board/path:$PATH" sh board/check.sh
expect 1 "no fuzz target is called 'x'" "fuzz refuses an unknown target" "$tree/run" fuzz x
expect 1 "expected the name of a recipe" "train needs a recipe" "$tree/run" train

# A Debian system without any package of ours: an ordinary user without sudo, then one with it, then root.
programs="$scratch/programs"
mkdir "$programs"
for program in sh dirname basename paste sed awk grep cat mkdir rm tail; do
    ln -s "$(command -v $program)" "$programs/$program"
done
printf '#!/bin/sh\n' >"$programs/dpkg-query"
printf '#!/bin/sh\necho $user\n' >"$programs/id"
printf '#!/bin/sh\necho "E: no network" >&2\nexit 100\n' >"$programs/apt-get"
chmod +x "$programs"/dpkg-query "$programs"/id "$programs"/apt-get
expect 1 "as root, type: apt-get install --no-install-recommends g++ cmake" "a user is told what to type" \
    env user=1000 PATH="$programs" "$tree/run" build
expect 1 "there is no sudo" "a user is told why" env user=1000 PATH="$programs" "$tree/run" build
expect 1 "E: no network" "what apt-get says is shown" env user=0 PATH="$programs" "$tree/run" build
printf '#!/bin/sh\necho "user is not in the sudoers file" >&2\nexit 1\n' >"$programs/sudo"
chmod +x "$programs/sudo"
expect 1 "not in the sudoers" "what sudo says is shown" env user=1000 PATH="$programs" "$tree/run" build
expect 1 "as root, type: apt-get install" "and what to type" env user=1000 PATH="$programs" "$tree/run" build
# All there: no package manager is asked, and the first thing that is missing is the program itself.
printf '#!/bin/sh\necho "install ok installed"\n' >"$programs/dpkg-query"
expect 1 "configuring failed" "a user with every package goes on" \
    env user=1000 PATH="$programs" "$tree/run" build

if command -v shellcheck >/dev/null 2>&1; then
    cd "$source" || exit 2
    shellcheck run .ci/run platforms/jobs/*.sh platforms/jobs/lib/*.sh platforms/*.sh platforms/*/*.sh \
        tests/*.sh tests/*/*.sh || failed=1
else
    echo "no shellcheck here, so the scripts were only parsed"
fi
[ $failed = 0 ] && echo "jobs: all as expected"
exit $failed
