#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# platforms/deploy.sh on a board that is a folder: ssh and scp that stay here, in front of the real ones.
# Each failure has its message and leaves nothing. Usage: tests/cli/deploy_test.sh SOURCE_DIR
set -u
deploy=$1/platforms/deploy.sh
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failed=0

# The board: its processor, its free KiB, and whether the connection holds, copying works, in $board_*.
mkdir -p bin board_bin board
export BOARD="$work/board" board_machine=aarch64 board_free=1000000 board_up=yes board_copies=yes board_fetches=yes
cat >bin/ssh <<'END'
#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift 2; done
[ "$board_up" = yes ] || { echo "ssh: connect to host ${1#*@}: No route to host" >&2; exit 255; }
shift
PATH=$(dirname "$0")/../board_bin:/usr/bin:/bin TMPDIR=$BOARD exec sh -c "$*"
END
cat >bin/scp <<'END'
#!/bin/sh
while [ "${1#-}" != "$1" ]; do [ "$1" = -q ] && shift || shift 2; done
case $1 in
    *:*) [ "$board_fetches" = yes ] || { cp "${1#*:}" "$3"; exit 1; } ;;
    *) [ "$board_copies" = yes ] || exit 1 ;;
esac
for name; do set -- "$@" "${name#*:}"; shift; done
exec cp "$@"
END
printf '#!/bin/sh\necho $board_machine\n' >board_bin/uname
printf '#!/bin/sh\nprintf "Filesystem 1024-blocks Used Available\\n/dev/x 9 9 %%s 1%%%% /\\n" $board_free\n' >board_bin/df
chmod +x bin/* board_bin/*

# An archive whose tool writes what it was told into its report.
tree=ligero-arm64
mkdir -p $tree/bin
cat >$tree/bin/ligero <<'END'
#!/bin/sh
[ -z "${board_tool_fails:-}" ] || { echo "ligero: no models" >&2; exit 1; }
mkdir report && printf '%s\n' "$@" >report/device.json && echo page >report/device.html
END
chmod +x $tree/bin/ligero
tar czf arm64.tar.gz $tree
tar czf other.tar.gz bin

not_so() {
    echo "not so: $*"
    cat said
    failed=1
}

# refuses WHAT TEXT VARIABLE=VALUE... -- ARGUMENT...: ends with 1, says TEXT, leaves nothing anywhere.
refuses() {
    what=$1 text=$2
    shift 2
    set_to=
    while [ "$1" != -- ]; do set_to="$set_to $1"; shift; done
    shift
    # shellcheck disable=SC2086
    env PATH="$work/bin:$PATH" $set_to sh "$deploy" "$@" >said 2>&1
    [ $? = 1 ] || not_so "$what: exit code 1"
    grep -q -- "$text" said || not_so "$what: says '$text'"
    [ -z "$(ls -A board)" ] || not_so "$what: the board is left as it was"
    for left in report report.part.*; do
        [ ! -e "$left" ] || not_so "$what: $left is left"
    done
    rm -rf report report.part.* board/*
}

refuses "a board that is away" "cannot reach me@board" board_up=no -- me@board arm64.tar.gz report
refuses "another processor" "ligero-arm64 is for aarch64, and me@board is armv7l" board_machine=armv7l -- me@board arm64.tar.gz report
refuses "no space" "has 100 KiB at" board_free=100 -- me@board arm64.tar.gz report
refuses "a copy that breaks" "could not copy" board_copies=no -- me@board arm64.tar.gz report
refuses "a tool that refuses" "ligero: no models" board_tool_fails=yes -- me@board arm64.tar.gz report
refuses "a report that does not come" "could not fetch" board_fetches=no -- me@board arm64.tar.gz report
refuses "no archive" "no archive 'none.tar.gz'" -- me@board none.tar.gz report
refuses "an archive of something else" "is no archive of" -- me@board other.tar.gz report
refuses "an option for a host" "is no user@host" -- -oProxyCommand=x arm64.tar.gz report
mkdir no_ssh
for tool in sh dirname tar gzip sed; do ln -s "$(command -v $tool)" no_ssh/; done
refuses "no ssh" "there is no ssh" "PATH=$work/no_ssh" -- me@board arm64.tar.gz report

LIGERO_BENCH_OPTIONS="--seconds 2 --label \"a board, ours; it's\"" PATH="$work/bin:$PATH" \
    sh "$deploy" me@board arm64.tar.gz report >said 2>&1 || not_so "a good board: exit code 0"
[ -s report/device.html ] || not_so "a good board: the page is fetched"
grep -qx "a board, ours; it's" report/device.json || not_so "a good board: options arrive whole"
[ -z "$(ls -A board)" ] || not_so "a good board: left as it was"
PATH="$work/bin:$PATH" sh "$deploy" me@board arm64.tar.gz report >said 2>&1 && not_so "a report is not written over"
grep -q "already there" said || not_so "a report that is there is said to be"

[ $failed = 0 ] && echo "deploy.sh does what it says"
exit $failed
