# Interrupted runs: signals, kill -9, --resume, --force, the log, and what is refused.
. "$(dirname "$0")/support/expect.sh"
cp "$source/LICENSE" license.txt
mkfifo ../pipe
options='--hidden 8 --layers 2 --window 20 --batch 4 --epochs 6 --dropout 0.1'

# shellcheck disable=SC2086
expect 0 "$elman" train text license.txt -o whole $options --quiet --log whole.jsonl
steps=$(wc -l <whole.jsonl)
true_that 'enough steps to interrupt' [ "$steps" -gt 700 ]

# interrupt SIGNAL LINES ARGUMENTS...: trains, and sends the signal once so many lines of the log
# have come. The pipe holds the run up: it is at most 64 KiB of lines ahead, not at its end. All
# lines are in ../lines then.
interrupt() {
    signal=$1
    lines=$2
    shift 2
    {
        "$elman" "$@" --log ../pipe >../out 2>../err </dev/null &
        echo $! >../child
        wait $!
        echo $? >../status
        : <>../pipe # whatever happened, the reader below must not wait for a writer
    } &
    {
        while [ "$lines" -gt 0 ] && IFS= read -r line; do
            printf '%s\n' "$line"
            lines=$((lines - 1))
        done
        kill -s "$signal" "$(cat ../child)"
        cat
    } <../pipe >../lines
    wait
    got=$(cat ../status)
    ran="$* (SIG$signal)"
}

for signal in INT TERM; do
    # shellcheck disable=SC2086
    interrupt $signal 40 train text license.txt -o m $options --checkpoint-seconds 1000
    case $signal in INT) wanted=130 ;; *) wanted=143 ;; esac
    true_that "exit status $got after SIG$signal" [ "$got" -eq "$wanted" ]
    says 'm.checkpoint keeps the run, --resume goes on with it'
    prints_nothing
    true_that 'a checkpoint and no model' [ -f m.checkpoint -a ! -e m ]

    # The checkpoint is a model too.
    expect 0 "$elman" inspect m.checkpoint
    prints 'checkpoint, after step [0-9]'
    expect 0 "$elman" inspect m.checkpoint --json
    prints '"kind": "checkpoint"'
    expect 0 "$elman" eval m.checkpoint license.txt --part valid
    expect 0 "$elman" generate m.checkpoint --length 20

    # Without --resume it is in the way.
    # shellcheck disable=SC2086
    refuses 1 'm.checkpoint holds an unfinished run' "$elman" train text license.txt -o m $options
    refuses 1 '\-\-hidden is 17, but m.checkpoint was started with 8' \
        "$elman" train text license.txt -o m --resume --hidden 17
    refuses 1 '\-\-lr is 0.001, but m.checkpoint was started with 0.002' \
        "$elman" train text license.txt -o m --resume --lr 1e-3
    refuses 1 '\-\-cell is "gru", but m.checkpoint was started with "lstm"' \
        "$elman" train text license.txt -o m --resume --cell gru
    head -c 9000 license.txt >short.txt
    refuses 1 'short.txt has the SHA-256 .*, but m.checkpoint was started with' \
        "$elman" train text short.txt -o m --resume
    rm short.txt

    expect 0 "$elman" train text license.txt -o m --resume --lr 2e-3 --threads 2
    says 'going on after step [0-9]'
    true_that "the same bytes after SIG$signal" cmp whole m
    true_that 'the checkpoint is gone' [ ! -e m.checkpoint ]
    expect 0 "$elman" train text license.txt -o m --resume
    says 'm is finished'
    true_that 'the finished model is as it was' cmp whole m
    rm m
done

# A checkpoint of a release that did not know --average.
# shellcheck disable=SC2086
interrupt INT 40 train text license.txt -o old $options --checkpoint-seconds 1000
for file in old.checkpoint whole; do
    LC_ALL=C sed s/average/averagX/g $file >$file.edited
    true_that "$file: it is edited" [ "$(cmp -l $file $file.edited | wc -l)" -gt 0 ]
done
cp old.checkpoint.edited old.checkpoint
refuses 1 'its run has average 0, this one 0.5' \
    "$elman" train text license.txt -o old --resume --average 0.5
expect 0 "$elman" train text license.txt -o old --resume
true_that 'the same bytes as a run of now' cmp whole.edited old

# The mean of the weights, through an interruption.
# shellcheck disable=SC2086
expect 0 "$elman" train text license.txt -o mean $options --average 0.98 --quiet
# shellcheck disable=SC2086
interrupt INT 40 train text license.txt -o again $options --average 0.98
refuses 1 '\-\-average is 0.*, but again.checkpoint was started with 0.98' \
    "$elman" train text license.txt -o again --resume --average 0
expect 0 "$elman" train text license.txt -o again --resume --threads 2
true_that 'the same bytes with a mean of the weights' cmp mean again
rm -f old old.* again mean whole.edited

# kill -9, at several places, one run after another has died.
for lines in 1 90 180; do
    # shellcheck disable=SC2086
    interrupt KILL $lines train text license.txt -o m --resume --quiet --checkpoint-seconds 0 $options
    true_that "exit status $got after SIGKILL" [ "$got" -eq 137 ]
    true_that 'no model yet' [ ! -e m ]
done
true_that 'a checkpoint' [ -f m.checkpoint ]
: >m.checkpoint.elman-tmp999999999 # as a killed process leaves what it was writing
expect 0 "$elman" train text license.txt -o m --resume --quiet
true_that 'nothing is left of what was being written' [ "$(echo m*)" = m ]
true_that 'the same bytes after three SIGKILLs' cmp whole m
rm m

# The log is cut back to the checkpoint, and what is no log is left alone.
# shellcheck disable=SC2086
interrupt KILL 50 train text license.txt -o m $options --quiet --checkpoint-seconds 0
cp ../lines log.jsonl
printf '{"step": 1000000, "epoch": 1}\n{"step": 10' >>log.jsonl
sed 's/^{.*/no JSON/' log.jsonl >foreign.jsonl
refuses 1 'foreign.jsonl: is no log of training' \
    "$elman" train text license.txt -o m --resume --quiet --log foreign.jsonl
expect 0 "$elman" train text license.txt -o m --resume --quiet --log log.jsonl
true_that 'the same bytes' cmp whole m
sed 's/, "tokens_per_second": [0-9.e+]*//' whole.jsonl >../whole.jsonl
sed 's/, "tokens_per_second": [0-9.e+]*//' log.jsonl >../log.jsonl
true_that 'the same lines but for the speed' cmp ../whole.jsonl ../log.jsonl
rm m

# A log that cannot be written (here: beyond a limit on the size of files) stops the run in order.
(
    ulimit -f 200 # 100 KiB
    # shellcheck disable=SC2086
    expect 1 "$elman" train text license.txt -o m $options --quiet --log short.jsonl
    says 'short.jsonl: cannot be written'
    [ "$failed" -eq 0 ]
) || problem 'a log that cannot be written'
true_that 'a checkpoint' [ -f m.checkpoint ]
expect 0 "$elman" train text license.txt -o m --resume --quiet --log short.jsonl
true_that 'the same bytes after a failed log' cmp whole m
rm m

# --force starts anew; --resume without anything starts, and says so.
# shellcheck disable=SC2086
interrupt INT 5 train text license.txt -o n $options --quiet
true_that "exit status $got" [ "$got" -eq 130 ]
# shellcheck disable=SC2086
expect 0 "$elman" train text license.txt -o n $options --quiet --force
true_that 'the same bytes after --force' cmp whole n
rm n
# shellcheck disable=SC2086
expect 0 "$elman" train text license.txt -o n $options --resume
says 'no checkpoint, training starts at the beginning'
true_that 'the same bytes from --resume without a checkpoint' cmp whole n

# Options that go together with those of the checkpoint alone.
# shellcheck disable=SC2086
interrupt INT 5 train text license.txt -o o $options --cell gru --optimizer sgd --momentum 0.5 --quiet
true_that "exit status $got" [ "$got" -eq 130 ]
expect 0 "$elman" train text license.txt -o o --resume --momentum 0.5 --quiet
expect 0 "$elman" inspect o
prints '\-\-optimizer sgd --momentum 0.5'

# What is no checkpoint.
echo 'no checkpoint' >n.checkpoint
refuses 1 'n.checkpoint' "$elman" train text license.txt -o n --resume
cp n n.checkpoint
refuses 1 'n.checkpoint' "$elman" train text license.txt -o n --resume
finish
