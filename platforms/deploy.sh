#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copies an archive of `./run cross` to a board, runs the device report there and fetches it:
#
#   platforms/deploy.sh user@host [archive.tar.gz] [folder]
#
# archive: build/ligero-arm64.tar.gz where none is named; folder: where device.json and device.html go
# (ligero-report-HOST). LIGERO_BENCH_OPTIONS goes to `ligero bench --device` (--label, --seconds). The
# board keeps nothing: all is done in a folder of its own there, which goes with the connection's end.
set -eu

fail() {
    printf '%s\n' "deploy: $*" >&2
    exit 1
}

[ $# -ge 1 ] && [ $# -le 3 ] || {
    printf '%s\n' "usage: platforms/deploy.sh user@host [archive.tar.gz] [folder]" >&2
    exit 2
}
target=$1
case $target in
    '' | -* | *[!A-Za-z0-9@._:-]*) fail "'$target' is no user@host" ;;
esac
archive=${2:-$(dirname "$0")/../build/ligero-arm64.tar.gz}
folder=${3:-ligero-report-${target#*@}}

for tool in ssh scp tar; do
    command -v "$tool" >/dev/null 2>&1 || fail "there is no $tool on this machine"
done
[ -f "$archive" ] || fail "there is no archive '$archive'; make one with ./run cross arm64"
name=$(tar tzf "$archive" 2>/dev/null | sed -n '1s|/.*||p')
case $name in
    ligero-arm64 | ligero-arm64-shared) fits="aarch64" ;;
    ligero-armhf | ligero-armhf-shared) fits="armv7l armv8l aarch64" ;;
    ligero-x86_64) fits="x86_64" ;;
    *) fail "'$archive' is no archive of ./run cross (it begins with '$name')" ;;
esac
[ ! -e "$folder" ] || fail "'$folder' is already there; name another folder, or remove it"

# ssh ends with 255 where it did not get there, else with what the command ended with.
on_board() { ssh -o BatchMode=yes -o ConnectTimeout=10 "$target" "$@" </dev/null; }

status=0
machine=$(on_board uname -m) || status=$?
[ $status != 255 ] || fail "cannot reach $target by ssh (its message is above)"
[ $status = 0 ] || fail "$target does not say what it is: 'uname -m' ended with $status"
case " $fits " in
    *" $machine "*) ;;
    *) fail "$name is for $fits, and $target is $machine: build for that with ./run cross" ;;
esac

part=$folder.part.$$
board=
clean() {
    rm -rf "$part"
    [ -z "$board" ] || on_board "rm -rf '$board'" >/dev/null 2>&1 ||
        printf '%s\n' "deploy: could not remove $board on $target" >&2
}
trap clean EXIT
trap 'exit 1' INT TERM HUP

board=$(on_board 'mktemp -d "${TMPDIR:-/tmp}/ligero-XXXXXX"') || {
    board=
    fail "$target has no place for a temporary folder"
}
case $board in
    /*/ligero-??????) ;;
    *)
        said=$board
        board=
        fail "$target names a strange temporary folder: '$said'"
        ;;
esac

# What the archive takes packed and unpacked, in KiB, and as much again as a reserve for the report.
packed=$(($(wc -c <"$archive") / 1024 + 1))
unpacked=$(($(gzip -dc "$archive" | wc -c) / 1024 + 1))
needed=$((packed + unpacked + 1024))
free=$(on_board "df -Pk '$board'" | awk 'NR == 2 { print $4 }')
case $free in
    '' | *[!0-9]*) fail "$target does not say how much space there is at $board" ;;
esac
[ "$free" -ge "$needed" ] || fail "$target has $free KiB at $board, and $needed are needed; TMPDIR there names another place"

scp -q -o BatchMode=yes -o ConnectTimeout=10 "$archive" "$target:$board/archive.tar.gz" ||
    fail "could not copy '$archive' to $target"
on_board "cd '$board' && tar xzf archive.tar.gz && rm archive.tar.gz" ||
    fail "could not unpack the archive on $target"

# Options travel as one word each; the shell over there reads them again.
quoted() {
    for word in "$@"; do
        printf " '%s'" "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")"
    done
}
options=$(eval "set -- ${LIGERO_BENCH_OPTIONS:-}"; quoted "$@")
on_board "cd '$board' && LD_LIBRARY_PATH='$board/$name/lib' '$board/$name/bin/ligero' bench --device -o report$options" ||
    fail "the report did not come about on $target (its message is above); $name/check.sh there says whether the tool runs"

mkdir "$part" 2>/dev/null || fail "cannot write beside '$folder'"
scp -q -o BatchMode=yes -o ConnectTimeout=10 \
    "$target:$board/report/device.json" "$target:$board/report/device.html" "$part/" ||
    fail "could not fetch the report from $target"
[ -s "$part/device.json" ] && [ -s "$part/device.html" ] || fail "the report from $target came without its files"
mv "$part" "$folder"
printf '%s\n' "deploy: $folder/device.json, $folder/device.html"
