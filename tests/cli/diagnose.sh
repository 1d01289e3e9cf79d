# Diagnosis: verdicts and exit statuses, logs, the report, what is stored, the proof, wrong input.
. "$(dirname "$0")/support/expect.sh"
cp "$source/LICENSE" license.txt
value() {
    sed -n "s/.*\"$1\": \\([-0-9.e+a-z]*\\).*/\\1/p" "$2" | head -n 1
}
less() {
    awk "BEGIN { exit !($1 < $2) }"
}

# A plain RNN on a long task: its gradient vanishes, and the proof shows what helps.
expect 0 "$elman" train task adding --length 60 --cell rnn --hidden 16 --lr 5e-3 --max-steps 150 \
    -o rnn --log rnn.jsonl --quiet
cp rnn before
expect 3 "$elman" diagnose rnn --log rnn.jsonl
prints '^vanishing-gradient  .*falls below 1 %'
prints ' --cell gru\.$'
prints '^training window  60 steps$'
prints '^training           150 steps'
expect 0 cmp rnn before
expect 3 "$elman" diagnose rnn --json --threads 1
cp ../out one.json
prints '"trouble": "vanishing-gradient"'
prints '"option": "--cell"'
prints '"healthy": false'
for key in memory_horizon used_horizon error_horizon decay lyapunov_exponents spectral_radius \
    gradient_by_lag contexts product_gain gates state_norm time_constants dead_units; do
    prints "\"$key\""
done
expect 3 "$elman" diagnose rnn --json --threads 3
true_that 'the same figures at any thread count' cmp one.json ../out
expect 3 "$elman" diagnose rnn --prove --steps 60 --json
prints '"before"'
prints '"after"'
true_that 'both sides have a loss' \
    [ "$(grep -c '"loss": [0-9]' ../out)" -ge 3 ]
expect 3 "$elman" diagnose rnn --prove --steps 40
says 'training twice, 40 steps each: as before, and with --cell gru'
prints '^proof: 40 steps from the same seed, as before and with --cell gru$'
prints '^loss             0\.[0-9]'

# The report, and what is kept in the model.
expect 3 "$elman" diagnose rnn --report page.html --store
true_that 'a page' grep -q '^<!DOCTYPE html>' page.html
true_that 'its pictures' [ "$(grep -c '<svg' page.html)" -ge 4 ]
true_that 'nothing from elsewhere' [ "$(grep -c -e 'http' -e '<script' page.html)" -eq 0 ]
expect 0 "$elman" inspect rnn
prints '^diagnosis   memory horizon .* steps, used horizon .*; vanishing-gradient$'
expect 0 "$elman" inspect rnn --card
prints '^| diagnosis | memory horizon'
expect 0 "$elman" eval rnn --task adding --length 60 --test 10
true_that 'a stored diagnosis stays one' [ "$("$elman" diagnose rnn --store >../out 2>&1; echo $?)" -eq 3 ]
expect 0 "$elman" inspect rnn --json
true_that 'and is not doubled' [ "$(grep -c '"memory_horizon"' ../out)" -eq 1 ]

# Text, series, labels.
small='--hidden 16 --layers 1 --window 20 --batch 4 --lr 0.01 --quiet'
# shellcheck disable=SC2086
expect 0 "$elman" train text license.txt -o text $small --cell gru --epochs 2
expect 0 "$elman" diagnose text license.txt
prints '^verdict            healthy$'
prints 'goes along with'
expect 0 "$elman" diagnose text license.txt --rows 8 --lags 30 --seed 5
# A rate that is far too high.
# shellcheck disable=SC2086
expect 0 "$elman" train text license.txt -o loud $small --lr 2 --clip 0 --epochs 3 --log loud.jsonl
expect 3 "$elman" diagnose loud license.txt --log loud.jsonl
prints '^diverging  '
expect 3 "$elman" diagnose --log loud.jsonl
prints '^diverging  '
expect 3 "$elman" diagnose --log loud.jsonl --report log.html
true_that 'a page of a log' grep -q '^<!DOCTYPE html>' log.html
awk 'BEGIN { print "y"; for (i = 0; i < 400; i++) print 10 + 3 * sin(i * 0.5236) + i % 7 }' >series.csv
expect 0 "$elman" train series series.csv -o series --horizon 6 --hidden 8 --max-steps 60 --quiet
"$elman" diagnose series series.csv >../out 2>../err
true_that 'a series' [ $? -eq 0 -o $? -eq 3 ]
prints '^memory horizon'
awk 'BEGIN { print "text,label"; for (i = 0; i < 60; i++) print (i % 2 ? "good fine day," : "bad poor night,") (i % 2 ? "yes" : "no") }' >labels.csv
expect 0 "$elman" train classify labels.csv -o labels --hidden 8 --max-steps 40 --quiet
"$elman" diagnose labels labels.csv >../out 2>../err
true_that 'labels' [ $? -eq 0 -o $? -eq 3 ]
prints '^loss '

# Wrong input.
refuses 2 'no model was named, and no --log' "$elman" diagnose
refuses 2 '\-\-store, --prove and --task need a model' "$elman" diagnose --log rnn.jsonl --prove
refuses 2 '\-\-steps is for --prove' "$elman" diagnose rnn --steps 3
refuses 2 '\-\-prove reads the data several times' "$elman" diagnose text - --prove
refuses 2 'addition is no task' "$elman" diagnose rnn --task addition
refuses 1 'missing: ' "$elman" diagnose missing license.txt
refuses 1 'text: reads text: expected a file of it beside the model' "$elman" diagnose text
refuses 1 'rnn: belongs to a synthetic task, which needs no files' "$elman" diagnose rnn license.txt
refuses 1 'license.txt' "$elman" diagnose text license.txt --log license.txt
refuses 1 'missing.jsonl' "$elman" diagnose text license.txt --log missing.jsonl
refuses 1 'license.txt' "$elman" diagnose text license.txt --report license.txt
refuses 1 '2 files were named, expected one: a model of series reads one' "$elman" diagnose series series.csv series.csv
printf a >one.txt
refuses 1 'one.txt' "$elman" diagnose text one.txt
finish
