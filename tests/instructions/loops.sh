# Reads the inner loops of the kernels for AVX-512, which valgrind does not know, from their machine
# code: each must hold the fused multiply-adds of its whole tile of registers, and touch no stack,
# that is, spill none of them. usage: loops.sh OBJDUMP COMPILER RECORD LOOPS.AWK OBJECT
#
# What a compiler spills is its own affair: with another one than the record's this checks nothing
# (77: skipped).
set -eu
objdump=$1 compiler=$2 record=$3 program=$4 object=$5

if ! grep -q -x "compiler $compiler" "$record"; then
    echo "not checked: this is $compiler, the record is of $(sed -n 's/^compiler //p' "$record")"
    exit 77
fi
"$objdump" -d --no-show-raw-insn "$object" >code
awk -f "$program" code >loops
grep -v -e '^#' -e '^compiler ' "$record" >expected

awk '
    FNR == NR {
        least[$1] = $2
        may[$1] = $3
        next
    }
    {
        if ($2 > most[$1]) most[$1] = $2
        if ($3 > may[$1] + 0) {
            printf "%s: the loop at %s, of %d multiply-adds, has %d operands on the stack\n", $1, $4, $2, $3
            failed = 1
        }
    }
    END {
        for (name in least) {
            printf "%s: %d multiply-adds in the largest loop\n", name, most[name]
            if (most[name] >= least[name]) continue
            printf "%s: they should be %d\n", name, least[name]
            failed = 1
        }
        exit failed
    }' expected loops
