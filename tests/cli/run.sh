# elman run: arrays of numbers and tokens, in pieces and in one go, and wrong input.
. "$(dirname "$0")/support/expect.sh"

# little BYTES NUMBER: a whole number as little-endian bytes.
little() {
    number=$2
    for _ in $(seq "$1"); do
        # shellcheck disable=SC2059
        printf "\\$(printf %03o $((number & 255)))"
        number=$((number >> 8))
    done
}
# array TYPE SHAPE: a .npy file of the bytes on stdin.
array() {
    header="{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"
    printf '\223NUMPY\001\000'
    little 2 ${#header}
    printf %s "$header"
    cat
}
# floats FROM COUNT: numbers from -1 to 1, the same for the same places, as bytes of float32.
floats() {
    # shellcheck disable=SC2059
    printf "$(awk -v from="$1" -v count="$2" 'BEGIN {
        for (i = from; i < from + count; i++)
            printf "\\000\\%03o\\%03o\\%03o", i * 37 % 251, i * 101 % 128, i % 3 ? 63 : 191 }')"
}
# tokens FROM COUNT MOST: the same of int32.
tokens() {
    # shellcheck disable=SC2059
    printf "$(awk -v from="$1" -v count="$2" -v most="$3" 'BEGIN {
        for (i = from; i < from + count; i++)
            printf "\\%03o\\000\\000\\000", (i * i + i % 7) % (most + 1) }')"
}
# bits FILE COUNT: the last COUNT float32, as hexadecimal digits.
bits() {
    tail -c $((4 * $2)) "$1" | od -An -v -tx1 | tr -d ' \n'
}
# holds FILE SHAPE: a header of that shape, and as many numbers.
holds() {
    expected=$(printf %s "$2" | tr -d ' ' | tr ',' '\n' |
        awk 'BEGIN { n = 4 } $1 != "" { n *= $1 } END { print n + 128 }')
    true_that "$1 is of shape ($2)" grep -aqF "'descr': '<f4', 'fortran_order': False, 'shape': ($2)" "$1"
    true_that "$1 has $expected bytes" [ "$(wc -c <"$1")" -eq "$expected" ]
}
same() {
    true_that "$1: the same bits" [ "$2" = "$3" ]
}

small='--max-steps 2 --batch 2 --valid 2 --test 2 --check-every 2 --length 6'
# shellcheck disable=SC2086
expect 0 "$elman" train task adding -o m --cell lstm --layers 2 --hidden 20 --learned-state $small
# shellcheck disable=SC2086
expect 0 "$elman" train task sine -o s --cell gru --hidden 3 $small
# shellcheck disable=SC2086
expect 0 "$elman" train task parity -o p --final --hidden 5 $small
head -c 3000 "$source/README.md" | tr -cd ' -~\n' >text
expect 0 "$elman" train text text -o t --cell rnn --hidden 20 --max-steps 2 --window 5 --batch 2 \
    --quiet

# One sequence of numbers: the output is that of elman trace.
floats 0 6 | array '<f4' '6, 1' >in.npy
expect 0 "$elman" run s in.npy -o out.npy
prints_nothing
says_nothing
holds out.npy '6, 1'
expect 0 "$elman" trace s in.npy --npz trace.npz
bits trace.npz "$(($(wc -c <trace.npz) / 4))" >hex
true_that 'what elman trace computed' grep -q "$(bits out.npy 6)" hex
true_that 'from stdin to stdout' sh -c "'$elman' run s - -o - <in.npy | cmp - out.npy"
# Doubles that are these floats: 0.5 and -1.
printf '\000\000\000\077\000\000\200\277' | array '<f4' '2, 1' >f.npy
printf '\0\0\0\0\0\0\340\077\0\0\0\0\0\0\360\277' | array '<f8' '2, 1' >d.npy
expect 0 "$elman" run s f.npy -o f.out
expect 0 "$elman" run s d.npy -o d.out
true_that 'float64 as float32' cmp f.out d.out

# More steps than one pass takes, in one go and in pieces, whose ends are others.
floats 0 5000 | array '<f4' '5000, 1' >long.npy
floats 0 1003 | array '<f4' '1003, 1' >first.npy
floats 1003 3997 | array '<f4' '3997, 1' >second.npy
expect 0 "$elman" run s long.npy -o long.out --state-out long.state --threads 1
holds long.out '5000, 1'
holds long.state '3,'
expect 0 "$elman" run s first.npy -o first.out --state-out state
cp state first.state
expect 0 "$elman" run s second.npy -o second.out --state-in state --state-out state
same 'pieces' "$(bits first.out 1003)$(bits second.out 3997)" "$(bits long.out 5000)"
true_that 'the state at the end' cmp state long.state
expect 0 "$elman" run s second.npy -o other.out
true_that 'the state counts' [ "$(bits other.out 3997)" != "$(bits second.out 3997)" ]

# Rows: 7 steps of 900, an LSTM with a learned state and output at the last step.
floats 0 12600 | array '<f4' '7, 900, 2' >rows.npy
expect 0 "$elman" run m rows.npy -o rows.out --state-out rows.state --threads 1
holds rows.out '900, 1'
holds rows.state '72000,'
expect 0 "$elman" run m rows.npy -o rows.two --threads 2
true_that 'any number of threads' cmp rows.out rows.two
for from in 0 1800 3600 5400 7200 9000 10800; do floats $((from + 1798)) 2; done |
    array '<f4' '7, 2' >row.npy
expect 0 "$elman" run m row.npy -o row.out
holds row.out '1,'
same 'a row alone' "$(bits row.out 1)" "$(bits rows.out 1)"
# The same model with a pooled output, which is made of all steps at once.
for pool in mean max; do
    LC_ALL=C sed "s/\\\\\"last-step\\\\\"/\\\\\"$pool\\\\\"$(printf %$((9 - ${#pool}))s)/" m >pooled
    expect 0 "$elman" run pooled rows.npy -o pooled.out
    holds pooled.out '900, 1'
    expect 0 "$elman" run pooled row.npy -o row.out
    same "$pool of a row alone" "$(bits row.out 1)" "$(bits pooled.out 1)"
    true_that "the $pool is not the last" [ "$(bits pooled.out 900)" != "$(bits rows.out 900)" ]
done
# Lengths, across passes: the last three rows have 3 steps, none and 6, the others all. What is not a
# number behind them is not looked at.
{
    floats 0 12598
    printf '\000\000\300\177\000\000\300\177'
} | array '<f4' '7, 900, 2' >padded.npy
{
    for _ in $(seq 897); do printf '\007\000\000\000'; done
    printf '\003\000\000\000\000\000\000\000\006\000\000\000'
} | array '<i4' '900,' >lengths.npy
expect 0 "$elman" run m padded.npy -o padded.out --lengths lengths.npy
for from in 0 1800 3600 5400 7200 9000; do floats $((from + 1798)) 2; done |
    array '<f4' '6, 2' >row.npy
expect 0 "$elman" run m row.npy -o row.out
same 'a shorter row' "$(bits padded.out 1)" "$(bits row.out 1)"
same 'a row of no steps' "$(bits padded.out 2 | cut -c 1-8)" 00000000
for from in 0 1800 3600; do floats $((from + 1794)) 2; done | array '<f4' '3, 2' >row.npy
expect 0 "$elman" run m row.npy -o row.out
same 'a row that ends in the first pass' "$(bits padded.out 3 | cut -c 1-8)" "$(bits row.out 1)"
same 'the other rows' "$(head -c 3716 padded.out | bits - 897)" "$(head -c 3716 rows.out | bits - 897)"

# Tokens.
tokens 0 5000 20 | array '<i4' '5000,' >tokens.npy
expect 0 "$elman" run t tokens.npy -o tokens.out --state-out tokens.state
classes=$("$elman" inspect t | sed -n 's/^input  *\([0-9]*\) tokens.*/\1/p')
holds tokens.out "5000, $classes"
tokens 0 20 20 | array '<i4' '20,' >first.npy
tokens 20 4980 20 | array '<i4' '4980, 1' >second.npy
expect 0 "$elman" run t first.npy -o first.out --state-out state
expect 0 "$elman" run t second.npy -o second.out --state-in state --state-out state
holds second.out "4980, 1, $classes"
true_that 'the state at the end' cmp state tokens.state
same 'pieces' "$(bits first.out $((20 * classes)))$(bits second.out $((4980 * classes)))" \
    "$(bits tokens.out $((5000 * classes)))"
tokens 0 12 1 | array '<i4' '4, 3' >parity.npy
expect 0 "$elman" run p parity.npy -o parity.out
holds parity.out '3, 2'

# Both directions: sums from the start and from the end.
ones='"dtype":"F32","shape":[1,1],"data_offsets":'
header='{"__metadata__":{"elman":"{\"encoder\":{\"kind\":\"none\"},\"format_version\":1,\"init\":{\"forget_bias\":0.0,\"input\":\"uniform\",\"recurrent\":\"uniform\",\"seed\":\"1\"},\"spec\":{\"embedding\":0,\"head\":null,\"input\":\"dense\",\"input_size\":1,\"layers\":[{\"bias\":false,\"bidirectional\":true,\"cell\":\"rnn-relu\",\"dropout\":0.0,\"hidden\":1,\"learned_state\":false}],\"output\":\"every-step\"},\"training\":null}","format":"pt"},'
header="$header\"rnn.weight_ih_l0\":{${ones}[0,4]},\"rnn.weight_hh_l0\":{${ones}[4,8]},"
header="$header\"rnn.weight_ih_l0_reverse\":{${ones}[8,12]},\"rnn.weight_hh_l0_reverse\":{${ones}[12,16]}}"
# ones_model HEADER: the file of that header and four ones.
ones_model() {
    padded=$1
    while [ $((${#padded} % 8)) -ne 0 ]; do padded="$padded "; done
    little 8 ${#padded}
    printf %s "$padded"
    for _ in 1 2 3 4; do printf '\000\000\200\077'; done
}
ones_model "$header" >both
printf '\0\0\200\077\0\0\0\100\0\0\200\100' | array '<f4' '3, 1' >in.npy # 1 2 4
expect 0 "$elman" run both in.npy -o both.out
holds both.out '3, 2'
same '1 7, 3 6, 7 4' "$(bits both.out 6)" 0000803f0000e04000004040""0000c0400000e04000008040
# Longer than what a pass of one direction takes: ones, whose sum from the end is 5000 at the start.
for _ in $(seq 5000); do printf '\000\000\200\077'; done | array '<f4' '5000, 1' >long.npy
expect 0 "$elman" run both long.npy -o both.out
same '1 5000' "$(tail -c 40000 both.out | head -c 8 | bits - 2)" 0000803f00409c45

# A plain layer: forward 0.5 a + 1, both ways a within -2.5 and 2.5.
extra='\"activations\":[[{\"alpha\":0.5,\"beta\":1.0,\"kind\":\"affine\"}],[null]],\"clip\":2.5,\"dropout\"'
ones_model "$(printf %s "$header" | awk -v extra="$(printf %s "$extra" | sed 's/\\/\\\\/g')" '{
    at = index($0, "\\\"dropout\\\"")
    sub(/format_version\\":1/, "format_version\\\":2")
    print substr($0, 1, at - 1) extra substr($0, at + 11)
}')" >plain
expect 0 "$elman" run plain in.npy -o plain.out
same '1.5 2.5, 2.25 2.5, 2.25 2.5' "$(bits plain.out 6)" \
    0000c03f00002040""0000104000002040""0000104000002040
expect 0 "$elman" inspect plain
prints 'rnn-relu, 1 units in each direction, no bias, clip 2.5, activations f affine(0.5, 1), backward f usual'
expect 0 "$elman" inspect --json plain
prints '"clip": 2.5'
prints '"kind": "affine"'
refuses 1 'layer 0 has activations of its own, a clip: it can be run, not trained, diagnosed, traced or drawn' \
    "$elman" diagram plain
refuses 1 'layer 0 has activations of its own, a clip: it can be run' "$elman" trace plain in.npy

# Stages behind the states of both directions, the sums 1 7, 3 6, 7 4.
ones_model "$(printf %s "$header" | awk '{
    at = index($0, "\\\"output\\\"")
    sub(/format_version\\":1/, "format_version\\\":2")
    stages = "\\\"stages\\\":[{\\\"kind\\\":\\\"relu\\\"},{\\\"kind\\\":\\\"softmax\\\"}],"
    print substr($0, 1, at - 1) stages substr($0, at)
}')" >staged
expect 0 "$elman" run staged in.npy -o staged.out
holds staged.out '3, 2'
true_that 'softmax of 1 7, 3 6, 7 4' awk -v "values=$(od -An -v -t f4 -j "$(($(wc -c <staged.out) - 24))" staged.out |
    tr -s ' \n' ' ')" 'BEGIN {
    count = split(values, y, " ")
    split("1 7 3 6 7 4", x, " ")
    for (i = 1; i <= 6; i++) {
        other = i % 2 ? x[i + 1] : x[i - 1]
        difference = y[i] - 1 / (1 + exp(other - x[i]))
        if (difference > 1e-6 || difference < -1e-6) exit 1
    }
    exit count != 6
}'
expect 0 "$elman" inspect staged
prints "the last layer's state, relu, softmax, 2 outputs at every step"
expect 0 "$elman" inspect --json staged
prints '"kind": "softmax"'
refuses 1 'stage 0 is relu): it can be run, not trained' "$elman" diagram staged
refuses 1 'written for PyTorch has none of that' "$elman" convert staged staged.pt
expect 0 "$elman" convert staged staged.onnx
prints '^verdict: proven'
refuses 1 "layer 0 has activations of its own, a clip, which PyTorch's cells lack" "$elman" convert plain plain.pt

# Wrong input: one sentence each, and no file has changed.
echo precious >out.npy
refuses 2 'expected a model and an array' "$elman" run s
refuses 2 'expected -o FILE' "$elman" run s in.npy
refuses 2 'the same file' "$elman" run s in.npy -o a --state-out a
refuses 2 'replace the model' "$elman" run s in.npy -o ./s
refuses 2 'only the input and the result may be -' "$elman" run s in.npy -o out.npy --lengths -
refuses 1 'missing: ' "$elman" run missing in.npy -o out.npy
refuses 1 'missing.npy: ' "$elman" run s missing.npy -o out.npy
refuses 1 'standard input: does not begin as an .npy file does' "$elman" run s - -o out.npy
refuses 1 'text: does not begin as an .npy file does' "$elman" run s text -o out.npy
refuses 1 'holds whole numbers, but s reads float32' "$elman" run s tokens.npy -o out.npy
refuses 1 'holds floating-point numbers, but t reads tokens' "$elman" run t in.npy -o out.npy
refuses 1 'has 2 features, s reads 1' "$elman" run s rows.npy -o out.npy
floats 0 4 | array '<f4' '4,' >wrong.npy
refuses 1 'has 1 dimensions, expected \[steps\]\[features\]' "$elman" run s wrong.npy -o out.npy
tokens 0 4 1 | array '<i4' '1, 2, 2' >wrong.npy
refuses 1 'has 3 dimensions, expected \[steps\] or' "$elman" run t wrong.npy -o out.npy
array '<f4' '0, 1' </dev/null >wrong.npy
refuses 1 'is empty' "$elman" run s wrong.npy -o out.npy
refuses 1 'padded.npy\[6, 899, 0\] is -*nan, expected a finite float' "$elman" run m padded.npy -o out.npy
{
    floats 0 4999
    printf '\000\000\200\177'
} | array '<f4' '5000, 1' >wrong.npy
refuses 1 'wrong.npy\[4999, 0\] is inf, ' "$elman" run s wrong.npy -o out.npy --state-out new
{
    tokens 0 5 1
    printf '\002\000\000\000'
} | array '<i4' '3, 2' >wrong.npy
refuses 1 'wrong.npy\[2, 1\] is 2, expected a token: 0 to 1' "$elman" run p wrong.npy -o out.npy
refuses 1 'wrong.npy\[2, 1\] is 2, ' "$elman" run p wrong.npy -o -
printf '\377\377\377\377' | array '<i4' '1,' >wrong.npy
refuses 1 'wrong.npy\[0\] is -1, ' "$elman" run p wrong.npy -o out.npy
refuses 1 'expected 900 whole numbers' "$elman" run m rows.npy -o out.npy --lengths wrong.npy
refuses 1 'wrong.npy\[0\] is -1, expected a length: 0 to 3' "$elman" run s in.npy -o out.npy --lengths wrong.npy
refuses 1 'expected 3 floating-point numbers: the state of s' "$elman" run s in.npy -o out.npy --state-in rows.state
printf '\0\0\0\0\0\0\0\0\000\000\200\177' | array '<f4' '3,' >wrong.npy
refuses 1 'wrong.npy\[2\] is inf' "$elman" run s in.npy -o out.npy --state-in wrong.npy
refuses 1 'nowhere/out.npy: ' "$elman" run s in.npy -o nowhere/out.npy
refuses 1 'nowhere/state: ' "$elman" run s in.npy -o out.npy --state-out nowhere/state
if [ -c /dev/full ]; then
    "$elman" run s in.npy -o - --state-out new >/dev/full 2>../err
    true_that 'a full disk under stdout is a failure' [ $? -eq 1 ]
    says 'standard output: '
    true_that 'no state beside a lost output' [ ! -e new ]
fi
true_that 'no temporary file is left' [ -z "$(find . -name '*.elman-tmp*' -o -name '.*.npy*')" ]
finish
