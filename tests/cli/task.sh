# Synthetic tasks: training, the floor beside the result, measuring at other lengths, mistakes.
. "$(dirname "$0")/support/expect.sh"

# value KEY FILE: the number behind "KEY": in JSON with one key a line.
value() {
    sed -n "s/.*\"$1\": \\([-0-9.e+]*\\).*/\\1/p" "$2" | tail -n 1
}
# less A B: A < B, as decimal numbers.
less() {
    awk "BEGIN { exit !($1 < $2) }"
}

small='--hidden 16 --batch 16 --lr 0.02 --test 200 --valid 64'
# shellcheck disable=SC2086
expect 0 "$elman" train task parity --cell lstm --length 8 --min-length 1 $small --max-steps 400 \
    --target 0.02 --check-every 50 -o parity.safetensors --threads 1 --log log.jsonl --json
cp ../out ../summary.json
says '^elman: parity, T = 8$'
says '^elman: a model of 1 layer'
says 'step 50 of 400: loss .*, valid '
says 'parity.safetensors: ended after .* (target)'
prints '"stop": "target"'
prints '"predictor": "both alike"'
true_that 'the loss is below the floor' less "$(value loss ../out)" 0.1
true_that 'a line of the log for each step' [ "$(wc -l <log.jsonl)" -eq "$(value steps ../out)" ]
true_that 'a model and a log, nothing else' [ "$(echo *)" = 'log.jsonl parity.safetensors' ]

# The same again with other threads: the same bytes, and no word of the place.
mkdir other
# shellcheck disable=SC2086
expect 0 "$elman" train task parity --cell lstm --length 8 --min-length 1 $small --max-steps 400 \
    --target 0.02 --check-every 50 -o other/n.safetensors --threads 3 --quiet
says_nothing
prints '^floor  *0.6931 '
prints '^result '
true_that 'the same bytes at any thread count' cmp parity.safetensors other/n.safetensors
for word in "$PWD" other threads; do
    true_that "no '$word' in the model" [ "$(grep -a -c -e "$word" other/n.safetensors)" -eq 0 ]
done
# shellcheck disable=SC2086
expect 0 "$elman" train task parity --cell lstm --length 8 --min-length 1 $small --max-steps 50 \
    --seed 2 -o other/seed.safetensors --quiet
true_that 'another seed gives another model' \
    [ "$(cmp -s parity.safetensors other/seed.safetensors; echo $?)" -eq 1 ]

expect 0 "$elman" inspect parity.safetensors
prints '^command     elman train task parity --length 8 --min-length 1 --cell lstm'
prints '^task  *parity, T = 8: '
prints '^result '
true_that 'it fits 80 columns' [ -z "$(grep '.\{81\}' ../out | grep -v '^command')" ]
expect 0 "$elman" inspect parity.safetensors --card
prints '^floor '
expect 0 "$elman" inspect parity.safetensors --json
prints '"stop": "target"'

# The figure that training told, and one for sequences ten times as long.
expect 0 "$elman" eval parity.safetensors --task parity --length 8 --test 200 --json --threads 2
for key in loss targets targets_right sequences_right; do
    true_that "$key is what training told" \
        [ "$(value $key ../out)" = "$(value $key ../summary.json)" ]
done
expect 0 "$elman" eval parity.safetensors --task parity --length 80 --test 50
prints 'T = 80'
prints '% of whole sequences are right'
says_nothing

# Every task: trained, trained on from there at another length, measured.
for task in adding copy parity temporal-order temporal-order-3 dyck mackey-glass sine; do
    expect 0 "$elman" train task $task --length 10 --hidden 8 --max-steps 3 --test 20 --valid 20 \
        --quiet -o kind.safetensors
    says_nothing
    prints "^task  *$task, T = 10"
    prints '  no better than the floor\|times below the floor'
    prints '^floor '
    expect 0 "$elman" train task $task --length 20 --hidden 8 --max-steps 2 --test 20 --valid 20 \
        --quiet --init kind.safetensors --optimizer rmsprop --schedule cosine
    expect 0 "$elman" eval kind.safetensors --task $task --test 10
done
expect 0 "$elman" train task parity --final --length 4 --hidden 8 --max-steps 3 -q -o final.safetensors
prints 'target at last step'
expect 0 "$elman" eval final.safetensors --task parity --length 9
prints 'target at last step'
true_that 'nothing is left of models that were not asked for' \
    [ "$(echo *)" = 'final.safetensors kind.safetensors log.jsonl other parity.safetensors' ]

# A stopped run goes on, and gives the same bytes as one without a break.
options='--cell lstm --length 8 --min-length 1 --hidden 16 --batch 16 --lr 0.02 --test 200 --valid 64
    --max-steps 400 --target 0.02 --check-every 50 --threads 1'
rm -r other final.safetensors kind.safetensors log.jsonl
mkfifo ../pipe
# shellcheck disable=SC2086
expect 0 "$elman" train task parity $options -o whole --log whole.jsonl --quiet
cp ../out ../whole.out
# shellcheck disable=SC2086
"$elman" train task parity $options -o m --checkpoint-seconds 0 --log ../pipe >../out 2>../err &
run=$!
{
    IFS= read -r line
    kill -INT $run
    cat
} <../pipe >/dev/null
wait $run
true_that 'the exit status of SIGINT' [ $? -eq 130 ]
prints_nothing
says 'm.checkpoint keeps the run, --resume goes on with it'
true_that 'no model yet' [ ! -e m ]
expect 0 "$elman" inspect m.checkpoint
# shellcheck disable=SC2086
refuses 1 'm.checkpoint holds an unfinished run' "$elman" train task parity $options -o m
refuses 1 'the task is copy, but m.checkpoint was started with parity' \
    "$elman" train task copy -o m --resume
refuses 1 '\-\-length is 9, but m.checkpoint was started with 8' \
    "$elman" train task parity --length 9 -o m --resume
expect 0 "$elman" train task parity -o m --resume --threads 3
says 'going on after step [0-9]'
true_that 'the same model after SIGINT' cmp whole m
true_that 'the same result after SIGINT' cmp ../whole.out ../out
true_that 'the checkpoint is gone' [ ! -e m.checkpoint ]
expect 0 "$elman" train task parity -o m --resume
says 'm is finished and has no checkpoint: nothing to do'
rm m

# One that had reached its target but could not write its model has only that left to do.
# It waits in the middle, since the pipe that it logs to is nearly full.
exec 9<>../pipe
head -c 60000 /dev/zero >&9
# shellcheck disable=SC2086
"$elman" train task parity $options -o m --log ../pipe >../out 2>../err &
run=$!
until grep -q 'a model of' ../err; do sleep 0.01; done
mkdir m
exec 8<../pipe 9>&-
cat <&8 >/dev/null
exec 8<&-
wait $run
true_that 'a folder in the place of the model' [ $? -eq 1 ]
says '^elman: m: is a directory'
rmdir m
expect 0 "$elman" train task parity -o m --resume --quiet --log resumed.jsonl
true_that 'the same model after a failed save' cmp whole m
true_that 'no step more' [ ! -s resumed.jsonl ]
rm m

# Without a model nothing is kept.
"$elman" train task sine --hidden 8 --max-steps 100000000 --check-every 100000000 --test 10 \
    --threads 1 >../out 2>../err </dev/null &
run=$!
until grep -q '^step ' ../err; do sleep 0.05; done
kill -TERM $run
wait $run
true_that 'the exit status of SIGTERM' [ $? -eq 143 ]
prints_nothing
says 'stopped after step [0-9]*$'

# Mistakes.
echo text >text.txt
refuses 2 '0 tasks were named, expected one' "$elman" train task
refuses 2 '2 tasks were named, expected one' "$elman" train task adding copy
refuses 2 'adidng is no task, did you mean adding?' "$elman" train task adidng
refuses 2 'xyzzy is no task' "$elman" train task xyzzy
refuses 2 'the length is 7, expected an even number' "$elman" train task dyck --length 7
refuses 2 'shortest length is 50, expected 2 to 10' "$elman" train task adding --length 10 --min-length 50
refuses 2 'expected 1 to 1000000' "$elman" train task copy --length 1000001
refuses 2 'copy: \-\-final is for parity alone' "$elman" train task copy --final
refuses 2 '\-\-resume needs -o MODEL' "$elman" train task copy --resume
refuses 2 '\-\-force needs -o MODEL' "$elman" train task copy --force
refuses 2 '\-\-target is "-1", ' "$elman" train task copy --target -1
refuses 2 'identity' "$elman" train task copy --recurrent-init identity
refuses 2 '\-\-schedule-steps' "$elman" train task copy --schedule step
refuses 2 '\-\-window is no option' "$elman" train task copy --window 3
refuses 2 'adidng is no task, did you mean adding?' "$elman" eval parity.safetensors --task adidng
refuses 2 'expected a model beside --task' "$elman" eval parity.safetensors text.txt --task parity
refuses 2 '\-\-part and \-\-dynamic are for texts' "$elman" eval parity.safetensors --task parity --part valid
refuses 2 '\-\-length, --test and --seed are for --task' "$elman" eval parity.safetensors text.txt --length 3
refuses 1 'adding needs a model that reads 2 numbers, not 2 tokens' "$elman" eval parity.safetensors --task adding
refuses 1 'no model of text' "$elman" eval parity.safetensors text.txt
refuses 1 'nowhere' "$elman" eval nowhere --task parity
refuses 1 'there' "$elman" train task copy -o not/there/m.safetensors
refuses 1 'both the log and the model' "$elman" train task copy -o a --log a
refuses 1 'need .* of memory' "$elman" train task copy --hidden 1000000000
finish
