# Disks that are full: limits on the size of files, and /dev/full.
. "$(dirname "$0")/support/expect.sh"
cp "$source/LICENSE" license.txt
options='--hidden 64 --layers 1 --window 20 --batch 4 --quiet'
# shellcheck disable=SC2086
expect 0 "$elman" train text license.txt -o model $options --max-steps 2
cp model ../model

# The checkpoint and the model are larger than the limit: the old model stays, no part of a new one
# does.
(
    ulimit -f 8 # 4 or 8 KiB
    # shellcheck disable=SC2086
    refuses 1 'model.checkpoint: ' "$elman" train text license.txt -o model $options --max-steps 3
    # shellcheck disable=SC2086
    refuses 1 'fresh.checkpoint: ' "$elman" train text license.txt -o fresh $options --max-steps 3
    [ "$failed" -eq 0 ]
) || problem 'a limit on the size of files'
true_that 'the old model is as it was' cmp model ../model
true_that 'nothing else is there' [ "$(echo *)" = 'license.txt model' ]

if [ -c /dev/full ]; then
    checks=$((checks + 1))
    "$elman" generate model >/dev/full 2>../err && problem 'generate to a full disk'
    says 'standard output: '
    checks=$((checks + 1))
    "$elman" inspect model --json >/dev/full 2>../err && problem 'inspect to a full disk'
    says 'standard output: '
    # shellcheck disable=SC2086
    expect 1 "$elman" train text license.txt -o other $options --max-steps 3 --log /dev/full
    says '/dev/full: cannot be written'
fi

# A reader that goes away ends the command in silence, and soon.
{
    "$elman" generate model --length 1000000000 2>../err
    echo $? >../status
} | head -c 100 >/dev/null
true_that "silence, exit status $(cat ../status)" [ "$(cat ../status)" -eq 141 ]
true_that 'no message' [ ! -s ../err ]
finish
