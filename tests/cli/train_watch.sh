# What a training run writes down: the log's end, event files, brief diagnoses.
. "$(dirname "$0")/support/expect.sh"
cp "$source/LICENSE" license.txt
options='--hidden 8 --layers 2 --window 20 --batch 4 --epochs 2'

# How often an event file names something.
events() {
    cat "$1"/events.out.tfevents.* | grep -a -o -e "$2" | wc -l
}

# What is watched does not change what is trained.
# shellcheck disable=SC2086
expect 0 "$elman" train text license.txt -o plain $options --quiet --log plain.jsonl
# shellcheck disable=SC2086
expect 0 "$elman" train text license.txt -o watched $options --quiet --log watched.jsonl \
    --tensorboard runs/one --diagnose-every 50 --threads 2
true_that 'the same bytes' cmp plain watched
steps=$(wc -l <plain.jsonl)
true_that 'enough steps' [ "$steps" -gt 200 ]
only='s/, "tokens_per_second": [0-9.e+]*//; s/, "memory_horizon".*]//'
sed "$only" plain.jsonl >../plain.jsonl
sed "$only" watched.jsonl >../watched.jsonl
true_that 'the same lines but for the speed and the diagnoses' cmp ../plain.jsonl ../watched.jsonl
diagnosed=$(grep -c '"memory_horizon": [0-9n].*"decay": \[[^]]*, [^]]*\], "saturated": \[' watched.jsonl)
true_that "a diagnosis every 50 steps: $diagnosed" [ "$diagnosed" -eq $((steps / 50)) ]
true_that 'at step 50' grep -q '"step": 50,.*"saturated": ' watched.jsonl

# What is looked at is the validation part: another one gives the same losses, other figures.
whole=$(wc -c <license.txt)
kept=$((whole - whole / 10))
{
    head -c $kept license.txt
    tail -c $((whole - kept)) license.txt | tr 'a-m' 'n-z'
} >other.txt
# shellcheck disable=SC2086
expect 0 "$elman" train text other.txt -o other $options --quiet --log other.jsonl --diagnose-every 50
for file in watched other; do
    sed -n 's/.*\("loss": [0-9.]*\).*"decay": \(.*\)}/\1 \2/p' $file.jsonl | sed -n 1p >../$file.first
done
true_that 'the same loss' [ "$(cut -d ' ' -f 1,2 ../watched.first)" = "$(cut -d ' ' -f 1,2 ../other.first)" ]
true_that 'other figures' [ "$(cat ../watched.first)" != "$(cat ../other.first)" ]

# One event file with every number of the log, and histograms at validations and diagnoses.
true_that 'one event file' [ "$(find runs/one -type f | wc -l)" -eq 1 ]
for tag in loss/train learning_rate gradient/norm update_ratio/layer1 update_ratio/rest; do
    true_that "$tag at each step" [ "$(events runs/one $tag)" -eq "$steps" ]
done
true_that 'validations' [ "$(events runs/one loss/validation)" -eq 2 ]
true_that 'histograms' [ "$(events runs/one weights/rnn.weight_hh_l1)" -eq $((steps / 50 + 2)) ]
true_that 'saturation' [ "$(events runs/one diagnosis/saturated/layer0)" -eq $((steps / 50)) ]

# A run that goes on has a file of its own, of the steps that were left.
# shellcheck disable=SC2086
"$elman" train text license.txt -o resumed $options --checkpoint-seconds 0 --quiet \
    --log ../resumed.jsonl >/dev/null 2>&1 &
child=$!
while [ ! -f resumed.checkpoint ] && kill -0 $child 2>/dev/null; do sleep 0.01; done
kill -9 $child 2>/dev/null
wait $child 2>/dev/null
if [ -f resumed.checkpoint ]; then
    # What an end that was no end has left in the log goes with all behind it.
    head -n 1 plain.jsonl >../resumed.jsonl
    printf '{"step": 1, "not_finite": "step 1: nothing"}\n' >>../resumed.jsonl
    sed -n 2,9p plain.jsonl >>../resumed.jsonl
    expect 0 "$elman" train text license.txt -o resumed --resume --tensorboard runs/two \
        --diagnose-every 50 --log ../resumed.jsonl
    going=$(sed -n 's/.*going on after step \([0-9]*\).*/\1/p' ../err)
    true_that 'the steps that were left' [ "$(events runs/two loss/train)" -eq $((steps - going)) ]
    true_that 'the same bytes' cmp plain resumed
    true_that 'the log was cut at an end' [ "$(wc -l <../resumed.jsonl)" -eq $((steps - going + 1)) ]
    true_that 'no line of an end' [ "$(grep -c not_finite ../resumed.jsonl)" -eq 0 ]
fi

# Every kind of training.
expect 0 "$elman" train task adding --length 10 --hidden 8 --layers 1 --max-steps 20 --batch 8 \
    --check-every 10 --quiet --log task.jsonl --diagnose-every 10 --tensorboard runs/task
expect 0 "$elman" train task adding --length 10 --hidden 8 --layers 1 --max-steps 20 --batch 8 \
    --check-every 10 --quiet --log bare.jsonl
true_that 'two diagnoses of a task' [ "$(grep -c saturated task.jsonl)" -eq 2 ]
sed "$only" bare.jsonl >../plain.jsonl
sed "$only" task.jsonl >../task.jsonl
true_that 'the same steps of a task' cmp ../plain.jsonl ../task.jsonl
awk 'BEGIN { print "time,value"
             for (i = 1; i <= 300; i++) printf "%d,%.4f\n", i, sin(i / 4) + i % 7 / 10 }' >series.csv
train_series() {
    expect 0 "$elman" train series series.csv --horizon 5 --context 20 --hidden 8 --max-steps 20 \
        --validate-every 10 --quiet "$@"
}
train_series -o plain
train_series -o watched --log series.jsonl --diagnose-every 10 --tensorboard runs/series
true_that 'the same bytes of a forecaster' cmp plain watched
true_that 'two diagnoses of series' [ "$(grep -c saturated series.jsonl)" -eq 2 ]
awk 'BEGIN { print "text,label"
             for (i = 1; i <= 80; i++) print (i % 2 ? "one good line," : "a bad one here,") i % 2 }' \
    >labelled.csv
train_classes() {
    expect 0 "$elman" train classify labelled.csv --hidden 8 --epochs 3 --batch 8 --quiet "$@"
}
train_classes -o plain
train_classes -o watched --log classes.jsonl --diagnose-every 10 --tensorboard runs/classes
true_that 'the same bytes of a classifier' cmp plain watched
true_that 'diagnoses of labels' [ "$(grep -c saturated classes.jsonl)" -ge 2 ]
awk 'BEGIN { for (i = 1; i <= 60; i++) printf "dog N\nbarks V\n\n" }' >tags.txt
train_tags() {
    expect 0 "$elman" train tag tags.txt --hidden 8 --epochs 3 --batch 8 --quiet "$@"
}
train_tags -o plain
train_tags -o watched --log tags.jsonl --diagnose-every 10 --tensorboard runs/tags
true_that 'the same bytes of a tagger' cmp plain watched
true_that 'diagnoses of tags' [ "$(grep -c saturated tags.jsonl)" -ge 1 ]

# A number that is not finite is the last line of the log; a run that goes on takes it back.
rm -f plain
diverge='--hidden 8 --layers 1 --window 20 --batch 4 --cell rnn-relu --optimizer sgd --lr 1e5 --clip 0'
# shellcheck disable=SC2086
expect 1 "$elman" train text license.txt -o n $diverge --log n.jsonl --quiet
says 'step [0-9]*: .*finite'
true_that 'the last line says it' sh -c \
    'tail -n 1 n.jsonl | grep -q "\"step\": [0-9]*, \"not_finite\": \"step [0-9]*: .*finite"'
lines=$(wc -l <n.jsonl)
expect 1 "$elman" train text license.txt -o n --resume --log n.jsonl --quiet
true_that 'as many lines' [ "$(wc -l <n.jsonl)" -eq "$lines" ]
true_that 'it is said once' [ "$(grep -c not_finite n.jsonl)" -eq 1 ]

# Reading a log back: what it does not know is passed over, and so is a torn line at the end.
sed 's/}$/, "new": {"a": [1]}}/' watched.jsonl >read.jsonl
printf '{"step": 9999, "lo' >>read.jsonl
expect 0 "$elman" diagnose --log watched.jsonl --json
cp ../out ../known
expect 0 "$elman" diagnose --log read.jsonl --json
true_that 'the same figures' cmp ../known ../out
prints "\"steps\": $steps,"
sed '7s/"loss": [0-9.]*/"loss": "x"/' plain.jsonl >bad.jsonl
refuses 1 'bad.jsonl, line 7: "loss" is no number, expected a number or null' \
    "$elman" diagnose --log bad.jsonl
sed '7s/"grad_norm": [0-9.]*, //' plain.jsonl >bad.jsonl
refuses 1 'bad.jsonl, line 7: "grad_norm" is missing' "$elman" diagnose --log bad.jsonl
sed '7s/"step": 7/"step": 6/' plain.jsonl >bad.jsonl
refuses 1 'bad.jsonl, line 7: step 6 follows step 6' "$elman" diagnose --log bad.jsonl
sed '7s/"update_ratio": \[/&0.5, /' plain.jsonl >bad.jsonl
refuses 1 'bad.jsonl, line 7: has 4 update ratios, expected 3' "$elman" diagnose --log bad.jsonl
refuses 1 'license.txt, line 1: is no step of a log' "$elman" diagnose --log license.txt
: >bad.jsonl
refuses 1 'bad.jsonl: is no log of training' "$elman" diagnose --log bad.jsonl
refuses 1 'none.jsonl: cannot be opened' "$elman" diagnose --log none.jsonl
expect 3 "$elman" diagnose --log n.jsonl
prints 'step [0-9]*: .*finite'

# What is refused.
refuses 2 '\-\-diagnose-every needs --log or --tensorboard' \
    "$elman" train text license.txt -o m --diagnose-every 5
refuses 1 'license.txt: is no folder' \
    "$elman" train text license.txt -o m --tensorboard license.txt
refuses 1 'm/: is to be both' "$elman" train text license.txt -o m --tensorboard m/
refuses 1 'l: is to be both' "$elman" train text license.txt -o m --log l --tensorboard l
mkdir closed
: >closed/file
expect 1 "$elman" train text license.txt -o m --quiet --tensorboard closed/file/runs
says 'closed/file/runs: cannot be created'
finish
