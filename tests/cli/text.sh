# A model of text: training, measuring, writing, looking inside.
. "$(dirname "$0")/support/expect.sh"
cp "$source/LICENSE" license.txt
small='--hidden 16 --layers 1 --window 20 --batch 4 --epochs 2 --lr 0.01'

# value KEY FILE: the number behind "KEY": in JSON with one key a line.
value() {
    sed -n "s/.*\"$1\": \\([-0-9.e+]*\\).*/\\1/p" "$2" | head -n 1
}
# less A B: A < B, as decimal numbers.
less() {
    awk "BEGIN { exit !($1 < $2) }"
}

# shellcheck disable=SC2086
expect 0 "$elman" train text license.txt -o m.safetensors $small --threads 1 --log log.jsonl --json
cp ../out ../summary.json
says 'license.txt: .* characters, .* different'
says '^step '
says 'm.safetensors is ready'
true_that 'a model and no checkpoint' [ "$(echo *)" = 'license.txt log.jsonl m.safetensors' ]
prints '"stop": "finished"'
true_that 'it beats the order-0 count' \
    less "$(value validation_loss ../summary.json)" "$(value order_0 ../summary.json)"

# The log: one object a line, a validation loss at the end of each epoch.
steps=$(value steps ../summary.json)
true_that 'a line for each step' [ "$(wc -l <log.jsonl)" -eq "$steps" ]
for key in step epoch loss lr grad_norm clipped update_ratio tokens_per_second; do
    true_that "$key in each line" [ "$(grep -c "^{.*\"$key\": .*}\$" log.jsonl)" -eq "$steps" ]
done
true_that 'a validation loss for each epoch' [ "$(grep -c '"validation_loss"' log.jsonl)" -eq 2 ]

# The same again, with more threads, from elsewhere: the same bytes.
mkdir other
# shellcheck disable=SC2086
expect 0 "$elman" train text ./license.txt -o other/n.safetensors $small --threads 3 --quiet
prints_nothing
says_nothing
true_that 'the same bytes at any thread count' cmp m.safetensors other/n.safetensors
for word in "$PWD" other checkpoint threads; do
    true_that "no '$word' in the model" [ "$(grep -a -c -e "$word" other/n.safetensors)" -eq 0 ]
done

# Standard input, and several files.
checks=$((checks + 1))
# shellcheck disable=SC2086
"$elman" train text - -o other/s.safetensors $small --quiet <license.txt 2>../err ||
    problem 'training from standard input'
expect 0 "$elman" eval other/s.safetensors license.txt
cp ../out ../from_stdin
expect 0 "$elman" eval m.safetensors license.txt
true_that 'standard input is the same text' cmp ../out ../from_stdin
head -c 5000 license.txt >other/a.txt
tail -c +5001 license.txt >other/b.txt
# shellcheck disable=SC2086
expect 0 "$elman" train text other/a.txt other/b.txt -o other/two.safetensors $small --quiet
expect 0 "$elman" inspect other/two.safetensors
prints 'a.txt, b.txt'
expect 0 "$elman" eval other/two.safetensors --part valid license.txt

# eval
expect 0 "$elman" eval m.safetensors license.txt --json
for key in loss bits_per_character perplexity count unknown; do prints "\"$key\": [0-9.]*"; done
true_that 'every character after the first' \
    [ "$(value count ../out)" -eq $(($(wc -c <license.txt) - 1)) ]
expect 0 "$elman" eval m.safetensors license.txt --json --part valid --threads 2
true_that 'the loss of the validation part is the one that training told' \
    less "($(value loss ../out) - $(value validation_loss ../summary.json)) ^ 2" 1e-10
valid=$(value count ../out)
expect 0 "$elman" eval m.safetensors license.txt --json --part train
true_that 'the parts are the text' \
    [ $((valid + $(value count ../out) + 2)) -eq "$(wc -c <license.txt)" ]
cp m.safetensors other/before.safetensors
expect 0 "$elman" eval m.safetensors license.txt --json
still=$(value loss ../out)
expect 0 "$elman" eval m.safetensors license.txt --json --dynamic 0.01
true_that 'a model that goes on learning predicts better' \
    less "$(value loss ../out)" "$still - 0.1"
expect 0 cmp m.safetensors other/before.safetensors
printf 'ab\303\251\303\251c' >other/unknown.txt
expect 0 "$elman" eval m.safetensors other/unknown.txt --json
true_that 'unknown characters are counted' [ "$(value unknown ../out)" -eq 2 ]
expect 0 "$elman" eval m.safetensors license.txt
prints '^bits per character  [0-9]'

# generate
expect 0 "$elman" generate m.safetensors --length 50
says_nothing
cp ../out ../first
expect 0 "$elman" generate m.safetensors --length 50
true_that 'the same seed writes the same' cmp ../out ../first
expect 0 "$elman" generate m.safetensors --length 50 --seed 2
true_that 'another seed does not' [ "$(cmp -s ../out ../first; echo $?)" -eq 1 ]
expect 0 "$elman" generate m.safetensors --prompt 'The License' --length 0
true_that 'the prompt and a line break' [ "$(cat ../out)" = 'The License' ]
true_that 'it ends with one line break' [ "$(wc -c <../out)" -eq 12 ]
expect 0 "$elman" generate m.safetensors --prompt 'The License' --length 7 --temperature 0
true_that 'as many characters as asked for' [ "$(wc -m <../out)" -le 19 ]
prints '^The License'
expect 0 "$elman" generate m.safetensors --prompt 'x' --length 20 --top-k 1 --seed 3
cp ../out ../first
expect 0 "$elman" generate m.safetensors --prompt 'x' --length 20 --temperature 0
true_that 'the likeliest of one is the likeliest' cmp ../out ../first
expect 0 "$elman" generate m.safetensors --length 20 --top-p 0.5 --min-p 0.1 --temperature 0.5
expect 0 "$elman" generate m.safetensors --length 0 --prompt "$(printf 'a\303\251')"
says 'U+00E9'
expect 1 "$elman" generate m.safetensors --prompt "$(printf 'a\351')"
says 'the prompt: byte 0xE9 at byte offset 1'

# inspect
expect 0 "$elman" inspect m.safetensors
prints '^layer 0  *lstm, 16 units'
prints '^rnn.weight_hh_l0  *\[64, 16\]  *1,024'
prints 'elman train text license.txt --hidden 16 --layers 1 --window 20 --batch 4 --epochs 2 --lr 0.01'
expect 0 "$elman" inspect m.safetensors --json
prints '"kind": "model"'
prints '"name": "rnn.weight_ih_l0"'
true_that 'braces match' [ "$(tr -cd '{' <../out | wc -c)" -eq "$(tr -cd '}' <../out | wc -c)" ]
if command -v python3 >/dev/null; then
    true_that 'JSON that Python reads' python3 -c 'import json; json.load(open("../out"))'
    true_that 'a log that Python reads' \
        python3 -c 'import json; [json.loads(line) for line in open("log.jsonl")]'
fi
expect 0 "$elman" inspect m.safetensors --card
prints '^# m.safetensors'
prints "$(sha256sum license.txt | cut -d ' ' -f 1)"
prints 'validation part | [0-9.]* nats'

# Fine-tuning follows the characters: a text with another vocabulary.
tr '[:upper:]' '[:lower:]' <license.txt >other/lower.txt
# shellcheck disable=SC2086
expect 0 "$elman" train text other/lower.txt -o tuned.safetensors $small --max-steps 1 --lr 1e-9 \
    --quiet --init m.safetensors --json
tuned=$(value validation_loss ../out)
# shellcheck disable=SC2086
expect 0 "$elman" train text other/lower.txt -o fresh.safetensors $small --max-steps 1 --lr 1e-9 \
    --quiet --json
true_that 'a model that goes on knows more than a fresh one' \
    less "$tuned + 0.5" "$(value validation_loss ../out)"
expect 0 "$elman" inspect tuned.safetensors
prints '\-\-init m.safetensors'

# Each cell and each way to train.
for options in '--cell rnn --recurrent-init orthogonal --bptt full' '--cell gru --embedding 8' \
    '--cell rnn-relu --recurrent-init identity --optimizer rmsprop --momentum 0.5' \
    '--cell gru-reset-before --optimizer adamw --weight-decay 0.01 --no-bias' \
    '--layers 2 --dropout 0.2 --learned-state --forget-bias 1 --input-init xavier' \
    '--projection 5 --learned-state' '--optimizer sgd --lr 0.5 --schedule step --schedule-steps 5 --schedule-factor 0.5' \
    '--schedule cosine --warmup 3 --clip 0 --clip-value 0.1 --valid 0' \
    '--patience 1 --validate-every 2 --epochs 0'; do
    # shellcheck disable=SC2086
    expect 0 "$elman" train text license.txt -o kind.safetensors --hidden 12 --layers 1 --window 20 \
        --batch 4 --quiet --max-steps 8 $options
    expect 0 "$elman" generate kind.safetensors --length 20
    expect 0 "$elman" eval kind.safetensors license.txt
done

# An LSTM with a projection.
expect 0 "$elman" train text license.txt -o narrow.safetensors --hidden 12 --projection 5 --layers 2 \
    --window 20 --batch 4 --quiet --max-steps 8
expect 0 "$elman" inspect narrow.safetensors
prints '12 units projected to 5'
expect 0 "$elman" inspect narrow.safetensors --json
prints '"projection": 5'
expect 0 "$elman" trace narrow.safetensors --text 'a b' --backward
prints 'l1.m'
expect 1 "$elman" trace narrow.safetensors --text 'a b' --explain
says 'whose state is projected'
expect 1 "$elman" diagnose narrow.safetensors license.txt
says 'layer 0 has a projection'
expect 0 "$elman" diagram narrow.safetensors --format text
prints 'P 5 × 12 = 60'

# Characters that do not show, or turn the text around, are named.
for _ in 1 2 3 4 5 6 7 8; do printf 'a\342\200\256b\342\200\213c\n'; done >hidden.txt
expect 0 "$elman" train text hidden.txt -o hidden.safetensors --hidden 4 --layers 1 --window 3 \
    --batch 2 --quiet --max-steps 1
expect 0 "$elman" inspect hidden.safetensors
prints ' U+000A a b c U+200B U+202E$'
prints '^steps  *1, 0 epochs, ended: finished'
expect 0 "$elman" inspect hidden.safetensors --card
prints '^1 step, 0 epochs, ended: finished'
expect 0 "$elman" inspect m.safetensors --card
prints '^[0-9,]* steps, 2 epochs, ended: finished'
expect 0 "$elman" trace hidden.safetensors hidden.txt
prints ' U+202E$'
finish
