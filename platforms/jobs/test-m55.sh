#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run test-m55: test an emulated Cortex-M55 without operating system; print flash, RAM, instructions
set -eu
. platforms/jobs/lib/counts.sh

m55_packages="gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib qemu-system-arm"

# on_board IMAGE MODEL [PROFILE]: runs it where mixture.raw is; what it says goes to "said" there. The clock
# goes by instructions: each takes a nanosecond.
on_board() {
    (cd "$work" && timeout 300 qemu-system-arm -machine mps3-an547 -cpu cortex-m55 -nographic -monitor none \
        -serial null -icount shift=0 -semihosting-config enable=on,target=native -kernel "$root/$build/$1.elf" \
        -device loader,file="$2",addr=0x28000000,force-raw=on \
        -device loader,file="${3:-$2}",addr=0x28700000,force-raw=on) >"$work/said" 2>&1
}

said() { sed -n "s/^$1 //p" "$work/said"; }

# check_that WHAT COMMAND...: one more test.
check_that() {
    what=$1
    shift
    if "$@"; then
        count 1 0 0
    else
        count 0 1 0
        say "not so: $what"
        cat "$work/said"
    fi
}

# board_refuses TEXT IMAGE MODEL PROFILE: ends with 1 and says TEXT.
board_refuses() {
    text=$1
    shift
    status=0
    on_board "$@" || status=$?
    [ $status = 1 ] && grep -q "$text" "$work/said"
}

# on_host MODEL OUTPUT PROFILE: the same recording live on this machine; PROFILE may be empty.
on_host() {
    "$host_ligero" live --model "$1" ${3:+--profile "$3"} --raw 16000:1:f32 <"$work/mixture.raw" >"$2" 2>"$work/said"
}

# near DB A B: the SI-SNR of B against A is at least that; what it is in $db.
near() {
    head -c "$(wc -c <"$3")" "$2" >"$work/reference.raw" # the host says a little more at the end
    "$host_ligero" score --raw 16000:1:f32 --reference "$work/reference.raw" "$3" >"$work/said" || return 1
    db=$(sed -n 's/^SI-SNR *\([-0-9.]*\).*/\1/p' "$work/said")
    awk -v db="$db" -v least="$1" 'BEGIN { exit !(db != "" && db + 0 >= least) }'
}

# Neither the C library's heap nor C++'s: _Zn and _Zd begin the names of operator new and delete.
no_heap() {
    ! arm-none-eabi-nm "$1" | grep -iE ' [a-z] (_*(malloc|free|calloc|realloc|sbrk|.*printf|fopen|open|pthread)(_r)?|_Z[nd][wal].*)$'
}
# constant NAME: of the linker's, in the headset's image.
constant() {
    arm-none-eabi-nm "$build/${extract}_256k.elf" | awk -v name="$1" '$3 == name { print "0x" $1 }'
}
between() { [ "$1" -le "$2" ] && [ "$2" -le "$3" ]; }
at_most() { [ "$1" -le "$2" ]; }

# board_voice NAME IMAGE MODEL PROFILE [DB]: a recording through the board; a row of the table. PROFILE may be
# empty; DB: to this machine's fastest kernels at least.
board_voice() {
    least=${5:-35}
    check_that "$1 runs on the board" on_board "$2" "$3" "$4"
    cp "$work/said" "$work/$1.said"
    block=$(said bytes.block)
    stack=$(said bytes.stack)
    million=$(said ticks.million)
    mean=$(said ticks.mean)
    most=$(said ticks.most)
    mv "$work/voice.raw" "$work/$1.raw"
    LIGERO_CPU_MASK=0 on_host "$3" "$work/$1-reference.raw" "$4"
    check_that "$1: at least 50 dB from this machine's reference kernels" \
        near 50 "$work/$1-reference.raw" "$work/$1.raw"
    against_reference=$db
    on_host "$3" "$work/$1-fastest.raw" "$4"
    check_that "$1: at least $least dB from this machine's fastest kernels" \
        near "$least" "$work/$1-fastest.raw" "$work/$1.raw"
    # shellcheck disable=SC2046
    set -- "$1" "$2" "$3" $(arm-none-eabi-size "$build/$2.elf" | awk 'NR == 2 { print $1, $2 }') \
        "$(arm-none-eabi-nm "$build/$2.elf" | awk '
            $3 == "ligero_bss_begin" { b = $1 } $3 == "ligero_bss_end" { e = $1 }
            END { printf "0x%s 0x%s", b, e }')"
    static=$(($5 + ${6#* } - ${6% *}))
    # shellcheck disable=SC2017  # whole thousands are precise enough
    row=$(printf '%-12s %8d %8d %8d %8d %6d %8d %9d %9d %7s %7s' "$1" "$(wc -c <"$3")" "$(($4 + $5))" \
        "$((block + stack + static))" "$block" "$stack" "$static" "$((mean * 1000 / million * 1000))" \
        "$((most * 1000 / million * 1000))" "$against_reference" "$db")
    table="$table$row
"
    need=$("$host_ligero" info --arena "$3")
    check_that "$1: ligero info --arena says $need, the arena's bytes or at most 2 % more" \
        between "$block" "$need" $((block + block / 50))
    check_that "$1: at most 200 KB of code" at_most $(($4 + $5)) 204800
    check_that "$1: no heap, files or threads in the image" no_heap "$build/$2.elf"
}

# shellcheck disable=SC2086
install_packages $tools_packages $rest_packages $m55_packages
build_targets ligero ligero-convert ligero_test_files
files=$root/$build/tests/ligero_test_files
host_ligero=$root/$ligero # before the preset is the board's
host_convert=$root/$convert
use_preset cortex-m55
build_targets
work=$root/build/m55
rm -rf "$work"
mkdir -p "$work"
table=
"$files" copy platforms/demo/mixed_pair_mixture.flac "$work/mixture.wav"
tail -c 128000 "$work/mixture.wav" >"$work/mixture.raw" # the last 2 s
"$files" model model/torch/configs/gtcrn.json 1 "$work/gtcrn.lgm"
"$files" model model/torch/configs/gtcrn.json 1 "$work/gtcrn-int8.lgm" int8
for name in small-live tiny-live; do
    weights=model/pretrained/lgr-tse-$name
    for only in '' '--only extract'; do
        # shellcheck disable=SC2086
        "$host_convert" $weights.safetensors --config $weights.json --weights int8 $only \
            -o "$work/$name${only:+-board}.lgm" >/dev/null
    done
    "$host_ligero" enroll --model "$work/$name.lgm" platforms/demo/mixed_pair_anchor.flac -o "$work/$name.profile" >/dev/null
done
small=$work/small-live-board.lgm
tiny=$work/tiny-live-board.lgm
extract=platforms/cortex_m/board_extract

check_that "int8 sums and values are the reference's and every other processor's" \
    on_board tests/cortex_m/board_products "$small" "$small"
board_voice small-live $extract "$small" "$work/small-live.profile"
board_voice gtcrn ${extract}_gtcrn "$work/gtcrn.lgm" ""
check_that "gtcrn is 32 ms late, as its windows are long" grep -qx "latency.samples 512" "$work/gtcrn.said"
# Random weights carry a value that rounds to the neighbouring int8 on and on.
board_voice gtcrn-int8 ${extract}_gtcrn "$work/gtcrn-int8.lgm" "" 10
check_that "a model of other ops is refused" \
    board_refuses "none that this build has" ${extract}_gtcrn "$small" "$work/small-live.profile"
board_voice tiny-live ${extract}_256k "$tiny" "$work/tiny-live.profile"
check_that "tiny-live: a model of at most 400 KB" at_most "$(wc -c <"$tiny")" 409600
check_that "tiny-live: stack, arena and what is static fit 256 KB" \
    at_most $(($(constant ligero_stack_bytes) + $(constant ligero_block_bytes) + static)) 262144

check_that "an arena that is too small is refused" \
    board_refuses "no memory for a session's block: 544768 bytes needed" ${extract}_256k "$small" "$work/small-live.profile"
check_that "a profile of another model is refused" \
    board_refuses "profile of another family" $extract "$small" "$work/tiny-live.profile"
{ head -c 5000 "$small"; printf 'damage'; tail -c +5007 "$small"; } >"$work/damaged.lgm"
check_that "a damaged model is refused" \
    board_refuses "checksum differs" $extract "$work/damaged.lgm" "$work/small-live.profile"
printf 'no model here, but more than 64 bytes of something else, so that there is a header' >"$work/none.lgm"
check_that "ROM without a model is refused" board_refuses "not a ligero model" $extract "$work/none.lgm" "$small"

# As in a firmware without CMake: the model a C array, the example and the archives given to the compiler.
{
    echo '_Alignas(64) const unsigned char ligero_rom_model[] = {'
    od -An -v -tu1 "$work/gtcrn-int8.lgm" | sed 's/  *\([0-9]\)/,\1/g; s/^,//; s/$/,/'
    echo '};'
} >"$work/model.c"
board_gcc() { arm-none-eabi-gcc -mcpu=cortex-m55 -mfloat-abi=hard -mthumb -Os -I . "$@"; }
board_gcc -std=c++20 -fno-exceptions -fno-rtti -c platforms/capi/library_ops_gtcrn.cc -o "$work/ops.o"
# shellcheck disable=SC2046
board_gcc -std=c11 -nostdlib -T platforms/cortex_m/mps3-an547.ld -Wl,--gc-sections,--no-warn-rwx-segments \
    platforms/cortex_m/extract.c platforms/cortex_m/startup.c platforms/cortex_m/semihosting.c \
    "$work/model.c" "$work/ops.o" -Wl,--start-group $(find "$build" -name '*.a') -Wl,--end-group \
    -lm -lc_nano -lgcc -o "$build/board_array.elf"
check_that "gtcrn as a C array runs" on_board board_array "$work/none.lgm"
check_that "gtcrn as a C array gives the samples of gtcrn in flash" \
    cmp "$work/voice.raw" "$work/gtcrn-int8.raw"
check_that "gtcrn as a C array: no heap, files or threads in the image" no_heap "$build/board_array.elf"

cat <<END

Cortex-M55 (qemu-system-arm, mps3-an547), frame by frame. Bytes; instructions of a hop (10 ms, of gtcrn 16 ms;
its weights are random), counted by qemu's clock (-icount shift=0, SysTick): no cycles. SI-SNR in dB to this machine's reference and fastest kernels.
            model     code      RAM  = block  stack + static  mean/hop  most/hop  to ref. to fastest
$table
END
report_counts
