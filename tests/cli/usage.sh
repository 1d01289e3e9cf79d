# Help, versions, mistakes on the command line, the manual page and shell completion.
. "$(dirname "$0")/support/expect.sh"

expect 2 "$elman"
prints_nothing
says '^usage: elman COMMAND'
expect 0 "$elman" --version
prints '^elman [0-9]*\.[0-9]*\.[0-9]*$'
says_nothing
for help in --help -h help; do
    expect 0 "$elman" "$help"
    prints '^usage: elman COMMAND'
    prints '^  train '
    says_nothing
done

expect 2 "$elman" train
prints_nothing
says '^  text '
for command in train 'train text' 'train series' 'train task' 'train classify' 'train tag' eval classify tag forecast backtest run generate inspect diagram bench man completion help; do
    # shellcheck disable=SC2086
    expect 0 "$elman" $command --help
    prints "^usage: elman $command"
    says_nothing
    true_that "$command has no option twice" \
        [ -z "$(sed -n 's/^  ....--\([a-z-]*\).*/\1/p' ../out | sort | uniq -d)" ]
    # shellcheck disable=SC2086
    expect 0 "$elman" help $command
    prints "^usage: elman $command"
done
expect 0 "$elman" train text --help
for default in 'lstm' '256' '2' '100' '32' '10' 'adam' '2e-3' '5' '0.1' '1' 'the CPUs available'; do
    prints "(default: *$default)"
done
true_that 'help fits 80 columns' [ -z "$(grep '.\{81\}' ../out)" ]

refuses 2 'trian is no command, did you mean train?' "$elman" trian
refuses 2 'xyzzy is no command' "$elman" xyzzy
refuses 2 'did you mean text?' "$elman" train txet
refuses 2 'did you mean --hidden?' "$elman" train text a -o b --hiden 3
refuses 2 'did you mean --temperature?' "$elman" generate m --temp 3
refuses 2 '\-\-hidden is "12x", expected a whole number' "$elman" train text a -o b --hidden 12x
refuses 2 '\-\-hidden is "-1", expected a whole number' "$elman" train text a -o b --hidden -1
refuses 2 '\-\-hidden is "0", expected a whole number, 1 or more' "$elman" train text a -o b --hidden 0
refuses 2 '\-\-hidden is "99999999999999999999", ' "$elman" train text a -o b --hidden=99999999999999999999
refuses 2 '\-\-layers is "1001", expected a whole number from 1 to 1000' "$elman" train text a -o b --layers 1001
refuses 2 '\-\-lr is "0", expected a number above 0' "$elman" train text a -o b --lr=0
refuses 2 '\-\-lr is "nan", ' "$elman" train text a -o b --lr nan
refuses 2 '\-\-lr is "0x1", ' "$elman" train text a -o b --lr 0x1
refuses 2 '\-\-lr is "1,5", ' "$elman" train text a -o b --lr 1,5
refuses 2 '\-\-lr is "1e999", ' "$elman" train text a -o b --lr 1e999
refuses 2 '\-\-lr is "", ' "$elman" train text a -o b --lr ''
refuses 2 '\-\-dropout is "1", expected a number from 0 to below 1' "$elman" train text a -o b --dropout 1
refuses 2 '\-\-cell is "LSTM", expected rnn, rnn-relu, lstm, gru or gru-reset-before' "$elman" train text a -o b --cell LSTM
refuses 2 '\-\-quiet takes no value' "$elman" train text a -o b --quiet=1
refuses 2 '\-\-output lacks its value' "$elman" train text a -o
refuses 2 '\-x is no option' "$elman" train text a -o b -x
refuses 2 'no model file was named' "$elman" train text a
refuses 2 'no text was named' "$elman" train text -o b
refuses 2 '\-\-resume .* --force' "$elman" train text a -o b --resume --force
refuses 2 '\-\-max-steps' "$elman" train text a -o b --epochs 0
refuses 2 '\-\-schedule-steps' "$elman" train text a -o b --schedule step
refuses 2 '\-\-valid 0' "$elman" train text a -o b --valid 0 --patience 3
refuses 2 'identity' "$elman" train text a -o b --recurrent-init identity
refuses 2 '\-\-momentum is for --optimizer sgd and rmsprop' "$elman" train text a -o b --momentum 0.9
refuses 2 '\-\-momentum is for' "$elman" train series a -o b --optimizer adamw --momentum 0.9
refuses 2 '\-\-forget-bias is for --cell lstm' "$elman" train text a -o b --cell gru --forget-bias 1
refuses 2 '\-\-forget-bias is for --cell lstm' "$elman" train task adding --forget-bias 1
refuses 2 '\-\-projection is for --cell lstm' "$elman" train text a -o b --cell gru --projection 8
refuses 2 'expected less than --hidden' "$elman" train text a -o b --hidden 8 --projection 8
refuses 2 'does not measure cells with --projection' "$elman" train text a -o b --hidden 8 \
    --projection 4 --log c --diagnose-every 5
refuses 2 '\-\-forget-bias needs biases' "$elman" train text a -o b --no-bias --forget-bias 1
refuses 2 '\-\-schedule-steps needs --schedule' "$elman" train text a -o b --schedule-steps 9
refuses 2 '\-\-schedule-factor needs --schedule' "$elman" train tag a -o b --schedule-factor 0.1
refuses 2 '\-\-dropout acts between layers' "$elman" train text a -o b --layers 1 --dropout 0.5
refuses 2 '\-\-momentum is for' "$elman" train text a -o b --resume --momentum 0.9
refuses 2 'expected a model and a text' "$elman" eval m
refuses 2 '\-\-part is "half", expected all, train or valid' "$elman" eval m t --part half
refuses 2 '\-\-dynamic is "0", expected a number above 0' "$elman" eval m t --dynamic 0
refuses 2 '\-\-part and \-\-dynamic are for texts' "$elman" eval m --task copy --dynamic 1e-3
refuses 2 'expected one' "$elman" generate
refuses 2 'expected one' "$elman" inspect a b
refuses 2 'expected one' "$elman" inspect a --json --card
refuses 2 'tcsh' "$elman" completion tcsh
# What could steer a terminal is not handed on.
expect 2 "$elman" "$(printf 'a\033[31mb')"
true_that 'no escape character in a message' [ -z "$(tr -cd '\033' <../err)" ]

expect 0 "$elman" man
prints '^\.TH ELMAN 1'
prints 'checkpoint\\-seconds'
if command -v groff >/dev/null; then
    warnings=$(groff -man -Tutf8 -ww -z ../out 2>&1)
    true_that "the manual page: $warnings" [ -z "$warnings" ]
fi
expect 0 "$elman" completion bash
if command -v bash >/dev/null; then
    cat >>../out <<'END'
compopt() { :; }
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _elman; echo "${COMPREPLY[*]}"; }
[ "$(try elman ge)" = generate ] || exit 1
[ "$(try elman train se)" = series ] || exit 2
[ "$(try elman train text --hid)" = --hidden ] || exit 3
[ "$(try elman train text --cell ls)" = lstm ] || exit 4
[ "$(try elman eval --part v)" = valid ] || exit 5
[ "$(try elman train text --hidden '')" = '' ] || exit 6
[ "$(try elman train task ma)" = mackey-glass ] || exit 7
[ "$(try elman train task --len)" = --length ] || exit 8
[ "$(try elman train task --cell gru --final '')" = 'adding copy parity temporal-order temporal-order-3 dyck mackey-glass sine' ] || exit 9
[ "$(try elman eval m --task dy)" = dyck ] || exit 10
[ "$(try elman completion z)" = zsh ] || exit 11
[ "$(try elman help diagr)" = diagram ] || exit 12
END
    cp ../out ../completion
    expect 0 bash ../completion
fi
expect 0 "$elman" completion zsh
prints '^#compdef elman'
prints "'1:NAME:(adding copy "
prints "\-\-task\[.*\]:NAME:(adding copy "
! command -v zsh >/dev/null || expect 0 zsh -n ../out
expect 0 "$elman" completion fish
prints '^complete -c elman .* -l hidden -x'
prints "seen_subcommand_from task' -f -a 'adding copy "
prints "\-l task -x -a 'adding copy "
true_that 'every quote of fish has its partner' [ -z "$(
    sed "s/\\\\'//g; s/'[^']*'//g" ../out | grep "'"
)" ]
! command -v fish >/dev/null || expect 0 fish -n ../out

# stdout that cannot be written, or is missing.
if [ -c /dev/full ]; then
    "$elman" --version >/dev/full 2>../err
    true_that 'a full disk under stdout is a failure' [ $? -eq 1 ]
    says 'standard output: '
    "$elman" train text --help >/dev/full 2>../err
    true_that 'a full disk under help is a failure' [ $? -eq 1 ]
fi
"$elman" --version >&- 2>../err
true_that 'a closed stdout is a failure' [ $? -eq 1 ]
finish
