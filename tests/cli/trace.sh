# elman trace: the guide's example, models of numbers and of text, its forms, and wrong input.
. "$(dirname "$0")/support/expect.sh"

# near NAME VALUE LINE FIELD: a number of the last output, to 1e-6 of it or of 1.
near() {
    true_that "$1 is $2" awk -v want="$2" -v line="$3" -v field="$4" '
        NR == line { d = $field - want; found = 1 }
        END { size = want < 0 ? -want : want; if (size > 1) size = 1
              exit !(found && d <= 1e-6 * size + 5e-8 && d >= -1e-6 * size - 5e-8) }' ../out
}
# line_of PATTERN: the number of the line that matches.
line_of() {
    grep -n -e "$1" ../out | head -n 1 | cut -d : -f 1
}
# value_of TITLE ROW FIELD VALUE: a number in row ROW below a title.
value_of() {
    near "$1" "$4" $(($(line_of "^$1 ") + $2)) "$3"
}

# The guide. What examples/guide.c prints, and the terms of its sums.
expect 0 "$elman" trace --guide --backward
says_nothing
cp ../out ../guide
true_that 'the table fits 80 columns' [ -z "$(grep '.\{81\}' ../out)" ]
value_of h_t 1 2 0.761594236
value_of h_t 1 3 0.861723125
value_of h_t 1 4 0.921668589
value_of h_t 2 2 0.994934559
value_of h_t 2 3 0.999247432
value_of h_t 2 4 0.999888420
value_of y_t 1 2 0.625004649
value_of y_t 2 2 0.699309468
value_of L 1 1 0.115518153
value_of 'dL/dW_xh  ' 1 2 -1.678773761e-02
value_of 'dL/dW_xh  ' 1 3 -1.959273778e-02
value_of 'dL/dW_xh  ' 1 4 -1.702139154e-02
value_of 'dL/dW_xh  ' 2 2 -3.296776488e-02
value_of 'dL/dW_xh  ' 2 3 -3.900451213e-02
value_of 'dL/dW_xh  ' 2 4 -3.400252387e-02
value_of 'dL/dW_hh  ' 1 2 -2.314138401e-04
value_of 'dL/dW_hh  ' 1 3 -6.891056546e-05
value_of 'dL/dW_hh  ' 1 4 -1.533050272e-05
value_of 'dL/dW_hh  ' 3 2 -2.800531511e-04
value_of 'dL/dW_hh  ' 3 4 -1.855271694e-05
value_of 'dL/db_h  ' 1 1 -1.618002914e-02
value_of 'dL/db_h  ' 1 3 -1.698113233e-02
value_of 'dL/dW_hy  ' 1 1 -5.847616792e-01
value_of 'dL/dW_hy  ' 1 3 -6.462784410e-01
value_of 'dL/db_y  ' 1 1 -6.756858826e-01
value_of 'dL/dW_xh, term t' 1 3 -1.587617e-02
value_of 'dL/dW_xh, term t' 3 3 -9.115635e-04

expect 0 "$elman" trace --guide
prints '^h_t  *tanh(a_t)$'
true_that 'no gradients unless asked for' [ -z "$(grep dL ../out)" ]

expect 0 "$elman" trace --guide --backward --explain
prints '^h_1\[0\] = tanh( 0.1\*1 + 0.4\*2 + 0.7\*0 + 0.1\*0 + 0.4\*0 + 0.1 ) = tanh(1)$'
prints '^      = 0.7615942$'
prints '^y_1\[0\] = 0.1\*0.7615942 + 0.2\*0.8617231 + 0.3\*0.9216686 + 0.1 = 0.6250046$'
prints '^L = 0.07031076 + 0.0452074 = 0.1155182$'
prints '^dL/da_1\[0\] = -0.03780274\*(1 - 0.7615942^2) = -0.01587617$'
prints '^dL/dW_xh\[1\]\[0\] = -0.03175235 - 0.001215418 = -0.03296776$'
true_that 'equations fit 80 columns' [ -z "$(grep '.\{81\}' ../out)" ]

# Whether the JSON on stdout is JSON, where something can tell.
json_is_right() {
    if command -v python3 >/dev/null; then
        true_that "$ran: JSON" python3 -c 'import json, sys; json.load(open("../out"))'
    fi
}
expect 0 "$elman" trace --guide --backward --json
prints '"name": "share.rnn.weight_ih_l0"'
prints '"shape": \[2, 3, 2\]'
json_is_right

expect 0 "$elman" trace --guide --backward --npz guide.npz
prints_nothing
true_that 'an archive' [ "$(head -c 2 guide.npz)" = PK ]
cp guide.npz ../first.npz
expect 0 "$elman" trace --guide --backward --npz guide.npz
true_that 'the same trace, the same bytes' cmp guide.npz ../first.npz

# A model of numbers.
expect 0 "$elman" train task sine -o m --cell lstm --hidden 3 --max-steps 2 --batch 2 --valid 2 \
    --test 2 --check-every 2 --length 6
expect 0 "$elman" trace m --input '0.5;-1;2'
prints '^l0.a_i  *W_i x + b_i + R_i h + b.\{1,3\}_i$'
cp ../out ../inline
printf '0.5\n-1\n2\n' >in.csv
expect 0 "$elman" trace m in.csv
true_that 'a file gives what the command line gives' cmp ../out ../inline
# The same as an .npy file of doubles.
{
    printf '\223NUMPY\001\000\105\000'
    printf "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 1), }         \n"
    printf '\000\000\000\000\000\000\340\077\000\000\000\000\000\000\360\277'
    printf '\000\000\000\000\000\000\000\100'
} >in.npy
expect 0 "$elman" trace m in.npy
true_that 'an array gives what the command line gives' cmp ../out ../inline
expect 0 "$elman" trace m in.csv --target '1;0;1' --backward
prints '^share.rnn.weight_hh_l0  '
printf '1\n0\n1\n' >targets.csv
cp ../out ../inline
expect 0 "$elman" trace m in.csv --target-file targets.csv --backward
true_that 'targets from a file' cmp ../out ../inline
expect 0 "$elman" trace m in.csv --target '1;0;1' --backward --no-shares
true_that 'no shares' [ -z "$(grep "^share" ../out)" ]
expect 0 "$elman" trace m in.csv --target '0;0;0' --loss cross-entropy
prints '^p  *softmax(y)$'
expect 0 "$elman" trace m in.csv --target '1;0;1' --loss half-squares --backward --explain
prints '^c_2\[0\] = '
prints '^dL/dc_2\[0\] = '

# A model of text.
printf 'the cat sat on the mat\n%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 >text
expect 0 "$elman" train text text -o t --cell gru --hidden 20 --layers 1 --max-steps 2 --window 5 \
    --batch 2 --quiet
expect 0 "$elman" trace t --text 'the c?' --backward
prints "'t'$"
prints "'c'$"
prints '^loss_t  *-ln p\[target\]$'
prints '^ t=2 .* norm '
cp ../out ../short
expect 0 "$elman" trace t --text 'the c?' --backward --all
true_that '--all sums up nothing' [ -z "$(grep ' norm ' ../out)" ]
printf 'the c?' >passage
expect 0 "$elman" trace t passage --backward
true_that 'a file gives what --text gives' cmp ../out ../short
expect 0 "$elman" trace t passage --json
json_is_right
expect 0 "$elman" trace t passage --explain
prints '\.\.\. ([0-9]* more)'
# 5 characters are scored as elman eval scores them.
printf 'the ca' >passage
expect 0 "$elman" trace t passage
loss=$(sed -n "$(($(line_of '^loss  ') + 1))p" ../out | tr -d ' ')
expect 0 "$elman" eval t passage
true_that "the loss $loss is that of elman eval" awk -v loss="$loss" '
    /^loss/ { d = $2 - loss; found = 1 } END { exit !(found && d < 2e-6 && d > -2e-6) }' ../out

# A model of tokens that are no characters.
expect 0 "$elman" train task parity -o p --hidden 3 --max-steps 2 --batch 2 --valid 2 --test 2 \
    --check-every 2 --length 6
expect 0 "$elman" trace p --input '1;0;1'
prints '^token  '
prints '^ t=2  *0$'
printf '1\n0\n1\n' >bits.csv
expect 0 "$elman" trace p bits.csv --target '1;1;0' --backward
prints '^loss_t  *-ln p\[target\]$'
prints '^share.head.bias  '
expect 0 "$elman" trace p bits.csv --target '1;1;0' --backward --explain
expect 0 "$elman" trace p bits.csv --target '1;1;0' --backward --json
json_is_right
refuses 1 'row 2 is 2, expected a token: a whole number from 0 to 1' "$elman" trace p --input '1;2'
refuses 1 'row 1 is 0.5, expected a token' "$elman" trace p --input 0.5
refuses 1 'row 1 is -1, expected a token' "$elman" trace p --input -1
refuses 1 'one token a step' "$elman" trace p --input 1,0
refuses 1 'not --text' "$elman" trace p --text 10
refuses 1 'gradients need a loss: expected --target' "$elman" trace p --input 1 --backward
refuses 1 'expected a class' "$elman" trace p --input 1 --target 2

# Standard input: CSV or .npy, input or targets.
expect 0 "$elman" trace m in.csv --target-file targets.csv --backward
mv ../out ../from-files
"$elman" trace m - --target-file targets.csv --backward <in.npy >../out 2>../err
true_that 'the input from standard input' cmp ../from-files ../out
"$elman" trace m in.csv --target-file - --backward <targets.csv >../out 2>../err
true_that 'the targets from standard input' cmp ../from-files ../out
echo 1,x | "$elman" trace m - >../out 2>../err
true_that 'what is no number is refused' [ $? -eq 1 ]
says '^elman: standard input: '
refuses 1 '^elman: standard input: ' "$elman" trace m -
refuses 2 'cannot both be standard input' "$elman" trace m - --target-file -

# Wrong input: one sentence each.
refuses 2 'no model was named' "$elman" trace
refuses 2 'expected one input' "$elman" trace m
refuses 2 'expected one input' "$elman" trace m in.csv --input 1
refuses 2 'more than one input' "$elman" trace m in.csv in.csv
refuses 2 'has its own model' "$elman" trace --guide m
refuses 2 'has its own model' "$elman" trace --guide --text a
refuses 2 'three forms' "$elman" trace --guide --json --explain
refuses 2 'two ways' "$elman" trace m in.csv --target 1 --target-file in.csv
refuses 2 'needs --target' "$elman" trace m in.csv --loss half-squares
refuses 2 '\-\-loss is "huber"' "$elman" trace m in.csv --loss huber
refuses 1 'gradients need a loss: expected --target' "$elman" trace m in.csv --backward
refuses 1 'missing: cannot be opened' "$elman" trace missing --input 1
refuses 1 'missing: cannot be opened' "$elman" trace m missing
refuses 1 'in.csv: ' "$elman" trace in.csv --input 1
refuses 1 'not --text' "$elman" trace m --text abc
refuses 1 'not --input' "$elman" trace t --input 1
refuses 1 'next characters' "$elman" trace t --text abc --target 1
refuses 1 'rows of 2 numbers, m reads 1' "$elman" trace m --input 1,2
refuses 1 '\-\-input: row 2, column 1: found "x"' "$elman" trace m --input '1;x'
refuses 1 '2 rows of 1 numbers, expected 3 of 1' "$elman" trace m in.csv --target '1;2'
refuses 1 'expected a class' "$elman" trace m in.csv --target '0;1;0' --loss cross-entropy
refuses 1 'expected two or more' "$elman" trace t --text a
printf 'value\n1\n' >heading.csv
refuses 1 'heading.csv: line 1, column 1: found "value"' "$elman" trace m heading.csv
printf '\223NUMPY\001' >cut.npy
refuses 1 'cut.npy: ' "$elman" trace m cut.npy
refuses 1 'm: is to be read' "$elman" trace m in.csv --npz m
refuses 1 'in.csv: is to be read' "$elman" trace m in.csv --npz ./in.csv
refuses 1 'targets.csv: is to be read' "$elman" trace m in.csv --target-file targets.csv \
    --npz targets.csv
refuses 1 'missing/a.npz' "$elman" trace --guide --npz missing/a.npz
mkdir folder
refuses 1 'folder' "$elman" trace --guide --npz folder
if [ -c /dev/full ]; then
    "$elman" trace --guide >/dev/full 2>../err
    true_that 'a full disk under stdout is a failure' [ $? -eq 1 ]
fi
finish
