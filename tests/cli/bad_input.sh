# Bad input: one sentence, an exit status, and no file changed.
. "$(dirname "$0")/support/expect.sh"
cp "$source/LICENSE" license.txt
options='--hidden 8 --layers 1 --window 20 --batch 4 --max-steps 3'
# shellcheck disable=SC2086
expect 0 "$elman" train text license.txt -o model $options --quiet
cp license.txt target # stands where a model would go

# train FILE...: with small options, to a file that exists.
train() {
    # shellcheck disable=SC2086
    "$elman" train text -o target $options "$@"
}

: >empty.txt
printf 'abc\0def' >binary.txt
printf 'abc\377def' >invalid.txt
printf 'abc\355\240\200' >surrogate.txt
printf 'too short' >short.txt
mkdir folder
refuses 1 'missing.txt: .*No such file' train missing.txt
refuses 1 'folder: is a directory' train folder
refuses 1 'empty.txt: is empty' train empty.txt
refuses 1 'standard input: is empty' train -
refuses 1 'empty.txt: is empty' train license.txt empty.txt
refuses 1 'binary.txt: NUL character at byte offset 3' train binary.txt
refuses 1 'invalid.txt: byte 0xFF at byte offset 3' train invalid.txt
refuses 1 'surrogate.txt: byte 0xED at byte offset 3' train surrogate.txt
refuses 1 'short.txt: 9 characters .* too short' train short.txt
refuses 1 'license.txt: [0-9]* characters .* too short' train license.txt --window 12000
refuses 1 'license.txt: [0-9]* characters .* too short' train license.txt --batch 3000
refuses 1 'need more than 16.0 EiB of memory, but .* present' train license.txt --hidden 1000000000000
refuses 1 'need .* TiB of memory, but .* present' train license.txt --hidden 300000
refuses 2 '\-\-hidden is "0"' train license.txt --hidden 0

# Where nothing can be written.
refuses 1 'folder: is a directory' "$elman" train text license.txt -o folder
refuses 1 'missing/m: .*No such file' "$elman" train text license.txt -o missing/m
refuses 1 'license.txt/m: ' "$elman" train text license.txt -o license.txt/m
refuses 1 'license.txt: is the data to learn' "$elman" train text license.txt -o license.txt
ln license.txt linked.txt
refuses 1 'linked.txt: is the data to learn' "$elman" train text license.txt -o linked.txt
refuses 1 'license.txt: is the data to learn' train license.txt --log license.txt
refuses 1 'target: is to be both the log and the model' train license.txt --log target
refuses 1 'missing/log: ' train license.txt --log missing/log
refuses 1 'folder: is a directory' train license.txt --log folder
[ ! -c /dev/null ] || refuses 1 'a device or a pipe' "$elman" train text license.txt -o /dev/null
if [ "$(id -u)" -ne 0 ]; then
    mkdir locked
    chmod 555 locked
    refuses 1 'locked/m: .*Permission denied' "$elman" train text license.txt -o locked/m
    cp license.txt secret.txt
    chmod 000 secret.txt
    refuses 1 'secret.txt: .*Permission denied' train secret.txt
    rm -f secret.txt
fi

# Models that are none.
size=$(wc -c <model)
head -c $((size - 1)) model >truncated
head -c 100 model >header
{ cat model; echo; } >longer
cp license.txt text
for bad in truncated header longer text empty.txt missing folder; do
    refuses 1 "$bad" "$elman" inspect $bad
    refuses 1 "$bad" "$elman" eval $bad license.txt
    refuses 1 "$bad" "$elman" generate $bad
    refuses 1 "$bad" train license.txt --init $bad
done
refuses 1 'model: is to be read' train license.txt -o new --init model --log model
refuses 1 'model: rnn.weight_ih_l0' train license.txt --init model --hidden 9
refuses 1 'missing.txt' "$elman" eval model missing.txt
refuses 1 'empty.txt' "$elman" eval model empty.txt
refuses 1 'binary.txt' "$elman" eval model binary.txt
printf x >one.txt
refuses 1 'one.txt: 1 character.* two or more' "$elman" eval model one.txt
refuses 1 'short.txt: is not the text that model was trained on (license.txt, SHA-256' \
    "$elman" eval model short.txt --part valid
# A weight that is no number: the last four bytes of the file become a NaN.
{ head -c $((size - 4)) model; printf '\377\377\377\377'; } >nan
refuses 1 'nan' "$elman" eval nan license.txt
expect 1 "$elman" generate nan
says 'nan: '

# A run whose numbers run away names the step and keeps a checkpoint, but makes no model.
rm target
# shellcheck disable=SC2086
expect 1 "$elman" train text license.txt -o target $options --quiet --cell rnn-relu --optimizer sgd \
    --lr 1e30 --clip 0 --max-steps 50
says 'step [0-9]'
says 'target.checkpoint keeps the last good weights'
true_that 'no model of numbers that ran away' [ ! -e target ]
expect 0 "$elman" inspect target.checkpoint
finish
