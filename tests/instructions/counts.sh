# Counts the instructions of a few small passes on AVX2, which valgrind knows, with one thread, and
# compares them with those on record: a count may be off by 3 %, either way. Unlike times they are
# the same on a busy machine. usage: counts.sh PASS COMPILER RECORD
# [--update]
#
# They depend on the compiler: with another one than the record's it compares nothing (77: skipped).
set -eu
pass=$1 compiler=$2 record=$3 update=${4-}

skip() {
    echo "not compared: $*"
    exit 77
}
command -v valgrind >/dev/null 2>&1 || skip "valgrind is not installed"
grep -q -w avx2 /proc/cpuinfo 2>/dev/null || skip "this processor has no AVX2"

# The record's lines but comments, in which `compiler` begins the first and a cell's name the others.
lines() {
    grep -v '^#' "$record"
}
[ -n "$update" ] || lines | grep -q -x "compiler $compiler" ||
    skip "this is $compiler, the record is of $(lines | sed -n 's/^compiler //p')"

# Instructions of one pass. usage: count CELL HIDDEN BATCH STEPS infer|train
count() {
    ELMAN_ISA=avx2 valgrind --tool=callgrind --toggle-collect=counted_pass \
        --callgrind-out-file=profile "$pass" "$@" >log 2>&1 || {
        cat log >&2
        exit 1
    }
    sed -n 's/^summary: \([1-9]\)/\1/p' profile | grep . || {
        echo "$*: callgrind counted nothing in counted_pass" >&2
        exit 1
    }
}

{
    grep '^#' "$record"
    echo "compiler $compiler"
    lines | while read -r cell hidden batch steps mode before; do
        [ "$cell" != compiler ] || continue
        now=$(count "$cell" "$hidden" "$batch" "$steps" "$mode") || exit 1
        echo "$cell $hidden $batch $steps $mode $now"
        echo "$cell H$hidden B$batch T$steps $mode ${before:-0} $now" >>changes
    done
} >counted
if [ -n "$update" ]; then cp counted "$record"; fi

awk -v update="$update" '
    {
        percent = $6 > 0 ? 100 * ($7 / $6 - 1) : 100
        off = percent > 3 || percent < -3
        failed += off
        printf "%s %s %s %s %s: %d instructions, on record %d (%+.1f %%)%s\n",
            $1, $2, $3, $4, $5, $7, $6, percent, off && !update ? ": more than 3 % off" : ""
    }
    END {
        if (failed && !update)
            print "If that is on purpose: script/count-instructions --update, and say why in the commit."
        exit NR == 0 || (failed && !update)
    }' changes
