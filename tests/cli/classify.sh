# Labels of sequences and of tokens: training, going on, applying, scores, mistakes.
. "$(dirname "$0")/support/expect.sh"

# Rising and falling numbers, 4 steps a row; 200 rows.
awk 'BEGIN { print "a,b,c,d,label"
    for (i = 0; i < 200; i++) {
        s = i * 7 % 10; d = i % 2 ? 1 : -1; h = i * 3 % 5
        printf "%d,%d,%d,%d,%s\n", s, s + d, s + 2 * d + h % 2, s + 4 * d, i % 2 ? "up" : "down" } }' >rows.csv
# The same, a step a row.
awk -F, 'NR == 1 { print "id,x,label"; next }
    { for (k = 1; k < 5; k++) print "s" NR "," $k "," $5 }' rows.csv >steps.csv
# Short texts.
awk 'BEGIN { print "id,review,score"
    for (i = 0; i < 200; i++)
        printf "%d,\"%s, %s %s\",%s\n", i, i % 5 ? "well" : "Oh", i % 3 ? "bad" : "GOOD",
            i % 7 ? "food" : "food and more", i % 3 ? "other" : "great" }' >texts.csv
# Sentences in which names follow a title.
awk 'BEGIN { for (i = 0; i < 200; i++) {
        print "the\tO"; print "walk\tO"; print "of\tO"
        print (i % 2 ? "King" : "Queen") "\tO"; print "N" i % 40 "\tB-NAME"
        if (i % 3) print "Junior\tI-NAME"
        print "ended\tO"; print "" } }' >names.txt

small='--hidden 12 --batch 8 --lr 0.02 --seed 3'
# shellcheck disable=SC2086
expect 0 "$elman" train classify rows.csv -o rows.safetensors $small --epochs 12 --threads 1 \
    --log rows.jsonl --json
says '^elman: rows.csv: 2 labels, 1 number a step; 180 sequences of at most 4 steps to learn from, 20 to validate'
says '^elman: validation part: accuracy 100.0 % (always "down": 50.0 %), macro F1 1.000'
prints '"accuracy": 1.0'
prints '"kind": "numbers"'
true_that 'a line of the log for each step' [ "$(wc -l <rows.jsonl)" -eq $((12 * 23)) ]
expect 0 "$elman" classify rows.safetensors rows.csv
true_that 'a line for each row and a heading' [ "$(wc -l <../out)" -eq 201 ]
prints '^id,label,probability$'
prints '^2,up,[01]\.[0-9]*$'
says '^rows.csv: 200 sequences, 200 right$'
says '^accuracy 100.0 % (always "down": 50.0 %)'
says '^up   *1.000 *1.000 *1.000 *100$'
says '^what it is, and what it was taken for$'
expect 0 "$elman" classify rows.safetensors rows.csv -q --probabilities -o rows.out --threads 3
says_nothing
prints_nothing
true_that 'a column for each label' [ "$(head -n 1 rows.out)" = 'id,label,probability,down,up' ]
cut -d, -f1-4 rows.csv | "$elman" classify rows.safetensors - >../out 2>../err
true_that 'rows without labels' [ $? -eq 0 ]
says_nothing
true_that 'as with labels' [ "$(cut -d, -f1-3 rows.out | cksum)" = "$(cksum <../out)" ]
expect 0 "$elman" classify rows.safetensors rows.csv --score --json
prints '"majority": 0.5'
prints '"confusion"'
true_that 'no predictions beside the score' [ "$(grep -c sequences ../out)" -eq 0 ]
expect 0 "$elman" classify rows.safetensors rows.csv --json
prints '"probabilities"'

# The same model at any thread count, with a break or without; no word of the place.
mkdir other
cd other || exit 1
# shellcheck disable=SC2086
"$elman" train classify ../rows.csv -o rows.safetensors $small --epochs 12 --threads 3 -q
cmp -s rows.safetensors ../rows.safetensors && same=yes || same=no
true_that 'the same bytes at any thread count' [ "$same" = yes ]
true_that 'no word of the place in the model' [ "$(grep -c -a "$PWD" rows.safetensors)" -eq 0 ]
cd ..
for command in 'classify texts.csv --text review --label score --tokens char' 'tag names.txt'; do
    # shellcheck disable=SC2086
    expect 0 "$elman" train $command -o whole.safetensors $small --epochs 4 --dropout 0.3 --threads 1 -q
    # shellcheck disable=SC2086
    "$elman" train $command -o cut.safetensors $small --epochs 4 --dropout 0.3 --threads 1 -q \
        --checkpoint-seconds 0 --log cut.jsonl &
    run=$!
    until [ -s cut.jsonl ] && [ "$(wc -l <cut.jsonl)" -ge 20 ]; do :; done
    kill -9 $run
    wait $run 2>/dev/null
    if [ -e cut.safetensors.checkpoint ]; then
        # shellcheck disable=SC2086
        refuses 1 'holds an unfinished run' "$elman" train $command -o cut.safetensors
        expect 0 "$elman" inspect cut.safetensors.checkpoint
        prints '^labels   '
        expect 0 "$elman" train ${command%% --*} -o cut.safetensors --resume --threads 2
        says '^elman: going on after step'
    fi
    true_that 'the same bytes after a kill' cmp cut.safetensors whole.safetensors
    rm -f cut.safetensors cut.jsonl whole.safetensors
done

# A step a row, two directions, the other ways to read a label from the steps.
for pool in last mean max; do
    # shellcheck disable=SC2086
    expect 0 "$elman" train classify steps.csv --id id -o steps.safetensors $small --epochs 10 \
        --pool $pool --bidirectional --cell gru --class-weights balanced -q --force
    expect 0 "$elman" classify steps.safetensors steps.csv --score
    prints '^steps.csv: 200 sequences, \(200\|19.\) right$'
done
expect 0 "$elman" classify steps.safetensors steps.csv
prints '^s2,down,'

# Names and labels with commas.
sed '1s/.*/"a, first",b,c,d,label/; s/up$/"up, fast"/' rows.csv >comma.csv
expect 0 "$elman" train classify comma.csv -o comma.safetensors --hidden 4 --max-steps 4 -q \
    --columns '"a, first",b' --class-weights '"up, fast=2",down=3'
expect 0 "$elman" classify comma.safetensors comma.csv -q --probabilities
prints '^id,label,probability,down,"up, fast"$'

# Texts, by characters (words need a library with libunistring), with another file to validate on.
head -n 151 texts.csv >first.csv
{ head -n 1 texts.csv && tail -n 50 texts.csv; } >last.csv
# shellcheck disable=SC2086
expect 0 "$elman" train classify first.csv --text review --label score --tokens char \
    -o texts.safetensors $small --epochs 12 --valid-file last.csv --class-weights great=2
says '150 sequences of at most .* steps to learn from, 50 to validate'
says '^elman: texts stand in the column "review", labels in the column "score"'
says '^elman: validation part: accuracy 100.0 %'
expect 0 "$elman" classify texts.safetensors last.csv --score
prints '^last.csv: 50 sequences, 50 right$'
expect 0 "$elman" inspect texts.safetensors
prints '^encoder     classify$'
prints '^reads       texts, [0-9]* different characters$'
prints '^ *50  great$'
prints '^accuracy    100.0 % of the validation part$'
prints '^command     elman train classify first.csv'
expect 0 "$elman" inspect --card texts.safetensors
prints '^## What it tells apart$'
expect 0 "$elman" inspect --json texts.safetensors
prints '"name": "great"'

# Tags.
# shellcheck disable=SC2086
expect 0 "$elman" train tag names.txt -o names.safetensors $small --bidirectional --epochs 5
says '^elman: names.txt: 3 labels, 4[0-9] words; 180 sequences of at most 7 steps'
says "each word's usual label: .*span F1 1.000"
printf 'the\nQueen\nN77\nJunior\nended\n' >one.txt
expect 0 "$elman" tag names.safetensors one.txt
says_nothing
true_that 'the labels of one sentence' [ "$(tr '\n\t' '; ' <../out)" = \
    'the O;Queen O;N77 B-NAME;Junior I-NAME;ended O;' ]
expect 0 "$elman" tag names.safetensors names.txt --score
prints '^names.txt: \(1[0-9]*\) tokens, \1 right$'
prints '^NAME  *1.000 *1.000 *1.000 *200$'
expect 0 "$elman" tag names.safetensors one.txt --json
prints '"token": "N77"'
expect 0 "$elman" tag names.safetensors one.txt --probabilities
prints '^N77	B-NAME	[01]\.[0-9]*$'
expect 0 "$elman" inspect names.safetensors
prints '^encoder     tag$'
prints '^span F1     1.0000$'

# Mistakes.
echo 'text,label
abc,great' >strange.csv
printf 'x,label\n1,a\n2,a\n' >alone.csv
refuses 2 '0 files of data were named' "$elman" train classify -o a
refuses 2 'expected -o MODEL' "$elman" train tag names.txt
refuses 2 'expected a model and one file of data' "$elman" classify rows.safetensors
refuses 2 'expected one of them' "$elman" classify rows.safetensors rows.csv --score --probabilities
refuses 2 'valid-last is for a part of DATA' "$elman" train classify rows.csv -o a --valid-last --valid-file rows.csv
refuses 1 'expected names with commas between' "$elman" train classify rows.csv --columns a,,b -o a
awk 'BEGIN { print "x,label"; for (i = 0; i < 40; i++) print i "," i / 7 }' >numbers.csv
refuses 1 'numbers.csv: has 40 different labels in 40 sequences' "$elman" train classify numbers.csv -o a
refuses 1 '^elman: alone.csv: .*1 label, expected two or more' "$elman" train classify alone.csv -o a
refuses 1 'was trained to classify whole sequences' "$elman" tag rows.safetensors one.txt
refuses 1 'was trained to tag each step' "$elman" classify names.safetensors rows.csv
refuses 1 'rows.csv' "$elman" classify texts.safetensors rows.csv
refuses 1 'nowhere.csv' "$elman" classify rows.safetensors nowhere.csv
refuses 1 'no label of the data is called "left"' "$elman" train classify rows.csv -o a --class-weights left=2
refuses 1 'expected a number above 0 behind the label' "$elman" train classify rows.csv -o a --class-weights up=0
refuses 1 'expected none, balanced or LABEL=NUMBER' "$elman" train classify rows.csv -o a --class-weights even
refuses 1 'it would be overwritten' "$elman" train classify rows.csv -o rows.csv
refuses 1 'last.csv: is the data to learn' "$elman" train classify first.csv -o last.csv --valid-file last.csv
expect 1 "$elman" classify rows.safetensors rows.csv -o rows.csv
expect 0 "$elman" train text texts.csv -o text.safetensors --hidden 4 --window 10 --batch 2 --max-steps 2 -q
refuses 1 'the kind "text", expected one that was trained to classify or to tag' \
    "$elman" classify text.safetensors rows.csv
refuses 1 'does not predict the next character' "$elman" generate texts.safetensors
finish
