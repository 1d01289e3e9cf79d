# Series: training, forecasts, backtests, what a user does wrong.
. "$(dirname "$0")/support/expect.sh"

# Hours with a day and a week, and noise by a formula.
hours() {
    awk -v rows="$1" 'BEGIN {
        split("31 28 31 30 31 30 31 31 30 31 30 31", days, " ")
        print "ds,y"
        for (i = 0; i < rows; i++) {
            noise = (noise * 1103 + 12345) % 32768
            left = int(i / 24)
            for (month = 1; left >= days[month]; month++) left -= days[month]
            printf "2023-%02d-%02d %02d:00,%.3f\n", month, left + 1, i % 24,
                100 + 20 * sin(i * 0.2617993878) + 8 * sin(i * 0.0373999) + noise / 16384
        }
    }'
}
# Two shops in long form: a static column of words, a covariate that is known for the future, one
# that is not; the last $2 rows of each without y.
shops() {
    awk -v rows="$1" -v future="$2" 'BEGIN {
        print "unique_id,ds,y,promo,visits,kind"
        for (shop = 0; shop < 2; shop++) {
            for (i = 0; i < rows + future; i++) {
                noise = (noise * 1103 + 12345) % 32768
                promo = (i * 7 + shop * 3) % 11 == 0
                y = sprintf("%.2f", (shop + 1) * (50 + 10 * (i % 7 < 5)) + 15 * promo + noise / 8192)
                visits = int(noise / 1024)
                if (i >= rows) y = visits = ""
                printf "%s,%d,%s,%d,%s,%s\n", shop ? "\"b, \"\"large\"\"\"" : "a", i + 1, y, promo,
                    visits, shop ? "big" : "small"
            }
        }
    }'
}
# Counts by month, many of them 0.
months() {
    awk -v rows="$1" 'BEGIN {
        print "month,sold"
        for (i = 0; i < rows; i++) {
            noise = (noise * 1103 + 12345) % 32768
            printf "%d-%02d-01,%d\n", 2000 + int(i / 12), i % 12 + 1, noise % 5 * (i % 12 < 7)
        }
    }'
}
# Whether line by line lo <= middle <= hi in the first $1 intervals, all of them numbers.
ordered() {
    sed 's/"[^"]*""[^"]*""*//' ../out | awk -F, -v levels="$1" 'NR > 1 {
        for (k = 0; k < levels; k++) {
            if (!($(4 + 2 * k) <= $3 && $3 <= $(5 + 2 * k)) || $(4 + 2 * k) == "") exit bad = 1
        }
    }
    END { exit bad || NR < 2 }'
}

hours 600 >h.csv
shops 200 0 >shops.csv
shops 200 7 | awk -F, 'NR == 1 || /,,[01],,/' >future.csv
months 120 >months.csv
small='--hidden 6 --max-steps 8 --batch 8 --validate-every 4 --quiet'
series="$elman train series"

# A first model, its files, what is said.
expect 0 "$elman" train series h.csv --horizon 12 --season 24 --hidden 6 --max-steps 8 --batch 8 \
    --validate-every 4 --threads 1 --log log.jsonl -o m
prints '^on the validation part, 10 forecasts of 12 steps:$'
prints '^Elman  *[0-9.]* '
prints '^seasonal naive  *[0-9.]* '
prints '^inside the 95 % interval: [0-9.]* %$'
says 'h.csv: 600 values, spacing: hours, from 2023-01-01 00:00 to 2023-01-25 23:00'
says 'season 24, context 48, horizon 12, '
says 'm is ready after 8 steps and .*: loss .*, validation .*, weights of step '
true_that 'a line of the log for each step' [ "$(wc -l <log.jsonl)" -eq 8 ]
true_that 'a model and a log, nothing else' \
    [ "$(echo *)" = 'future.csv h.csv log.jsonl m months.csv shops.csv' ]
mkdir other
# shellcheck disable=SC2086
expect 0 $series h.csv --horizon 12 --season 24 $small --threads 2 -o other/m --json
prints '"validation_loss": '
prints '"best": "'
says_nothing
true_that 'the same bytes at any number of threads' cmp m other/m
# shellcheck disable=SC2086
"$elman" train series - --horizon 12 --season 24 $small -o other/stdin <h.csv >../out 2>../err
true_that 'training on standard input' [ $? -eq 0 ]
expect 0 "$elman" inspect m
prints '^forecasts   12 steps at once, from 48 before; spacing: hours$'
prints '^target      y$'
prints '^calibrated  on [0-9]* forecasts'
prints '^naive       MAE [0-9.]*, MASE [0-9.]*'
expect 0 "$elman" inspect m --card
prints '^## What it forecasts'

# Its forecast: from the model's own memory, from the file, from a tab-separated one, from stdin.
expect 0 "$elman" forecast m
prints '^unique_id,ds,Elman,Elman-lo-80,Elman-hi-80,Elman-lo-95,Elman-hi-95,SeasonalNaive$'
prints '^y,2023-01-26 00:00,'
prints '^y,2023-01-26 11:00,'
says_nothing
true_that 'a line for each step' [ "$(wc -l <../out)" -eq 13 ]
true_that 'intervals around the forecast' ordered 2
cp ../out ../own
naive=$(sed -n '578p' h.csv | cut -d, -f2)
true_that 'the seasonal naive forecast is the value of the day before' \
    [ "$(sed -n 2p ../own | cut -d, -f8)" = "${naive%%0}" -o \
    "$(sed -n 2p ../own | cut -d, -f8)" = "$naive" ]
expect 0 "$elman" forecast m h.csv --threads 2
true_that 'with the data as without' cmp ../own ../out
head -n 12 h.csv >few.csv
expect 0 "$elman" forecast m few.csv
says '^elman: few.csv: 1 of 1 series has fewer values than the [0-9]* that the model reads'
tr , '\t' <h.csv >tabs.tsv
expect 0 "$elman" forecast m tabs.tsv
true_that 'from tabs as from commas' cmp ../own ../out
"$elman" forecast m - <h.csv >../out 2>../err
true_that 'from standard input' cmp ../own ../out
expect 0 "$elman" forecast m -o out.csv --plot out.svg
prints_nothing
says_nothing
true_that 'a file as stdout' cmp ../own out.csv
true_that 'a picture' [ "$(head -c 4 out.svg)" = '<svg' -o "$(head -c 5 out.svg)" = '<?xml' ]
expect 0 "$elman" forecast m -o -
true_that 'standard output by its sign' cmp ../own ../out
expect 0 "$elman" forecast m -o out.csv --plot -
prints '^<svg'
expect 0 "$elman" diagram m -o -
prints '^<svg'
true_that 'no file of that name' [ ! -e - ]
expect 0 "$elman" forecast m --horizon 3 --level 50 --uncalibrated
prints '^unique_id,ds,Elman,Elman-lo-50,Elman-hi-50,SeasonalNaive$'
true_that 'as many steps as asked' [ "$(wc -l <../out)" -eq 4 ]
cp ../out ../plain
expect 0 "$elman" forecast m --horizon 3 --level 50
true_that 'calibration changes the intervals' \
    [ "$(cmp -s ../plain ../out; echo $?)" -eq 1 ]
true_that 'and not the forecast' \
    [ "$(cut -d, -f1-3 ../plain)" = "$(cut -d, -f1-3 ../out)" ]
expect 0 "$elman" forecast m h.csv --hold-out 12 --json --plot held.svg
prints '"y": \['
prints '"Elman-hi-95": \['
prints '"scores": {'
if command -v script >/dev/null && script -qec true /dev/null >/dev/null 2>&1; then
    script -qec "'$elman' forecast m" /dev/null >../out 2>../err </dev/null
    prints 'forecast'
    prints ' 2023-01-26 11:00'
fi

# What is held out is not looked at.
awk 'NR > 589 { sub(/,.*/, ",1000") } { print }' h.csv >changed.csv
expect 0 "$elman" forecast m h.csv --hold-out 12
says '^forecast without the last 12 steps, and what came:$'
says '^Elman  *[0-9.]* '
cp ../out ../held
expect 0 "$elman" forecast m changed.csv --hold-out 12
true_that 'the same forecast whatever came' cmp ../held ../out
for data in h changed; do
    # shellcheck disable=SC2086
    expect 0 $series $data.csv --horizon 12 --season 24 $small --hold-out 12 -o other/$data
    expect 0 "$elman" forecast other/$data h.csv --hold-out 12
    cp ../out ../$data
done
true_that 'training does not see it either' cmp ../h ../changed

# Every option of the data and of the forecaster.
# shellcheck disable=SC2086
expect 0 $series shops.csv --target y --time ds --id unique_id --known-future promo --past visits \
    --static kind --horizon 7 --context 14 --season 7 --lags 1,7,14 --quantiles 0.1,0.5,0.9 \
    --scale robust --scale-together --logarithm --base seasonal --valid 40 --level 60 $small -o shops
prints '^on the validation part, 5 forecasts of 7 steps of each of 2 series:$'
prints '^inside the 60 % interval: '
refuses 1 'series "a": the known covariate "promo" is missing for 201, .*; --future names a file that has it$' \
    "$elman" forecast shops
expect 0 "$elman" forecast shops --future future.csv
prints '^a,201,'
prints '^"b, ""large""",207,'
true_that 'intervals around the forecasts' ordered 2
cp ../out ../own
expect 0 "$elman" forecast shops shops.csv --future future.csv --plot out.svg
true_that 'with the data as without' cmp ../own ../out
expect 0 "$elman" inspect shops
prints '^known       promo$'
prints '^past        visits$'
prints '^static      kind$'
prints '^inputs .*lag 1, '
prints '^loss        quantile 0.1, 0.5, 0.9$'
prints '^scale       robust, one for all series, of the logarithm$'
awk -F, 'NR == 1 { print "ds,a,b" } NR > 1 && NR < 200 { print $2 "," $3 "," $3 * 2 }' shops.csv >wide.csv
# shellcheck disable=SC2086
expect 0 $series wide.csv --target a,b --horizon 2 --base none --scale none --season 1 \
    --no-calendar --refit $small -o other/wide
prints 'before training anew'
expect 0 "$elman" forecast other/wide
prints '^a,199,'
prints '^b,200,'
cp ../out ../own
# shellcheck disable=SC2086
expect 0 $series wide.csv --target a,b --horizon 2 --base none --scale none --season 1 \
    --no-calendar $small -o other/wide
expect 0 "$elman" forecast other/wide
true_that 'training anew gives another model' [ "$(cmp -s ../own ../out; echo $?)" -eq 1 ]

# Names with commas.
sed '1s/.*/ds,"a, ""net""",b/' wide.csv >names.csv
for target in '"a, ""net"""' 'b,"a, ""net"""'; do
    # shellcheck disable=SC2086
    expect 0 $series names.csv --target "$target" --horizon 2 $small -o other/names
    expect 0 "$elman" forecast other/names
    prints '^"a, ""net""",200,'
done
refuses 2 'quotes around' "$elman" train series names.csv --target '"a, ' -o x

# Every loss, in every way to go on.
for loss in mse mae huber quantile gaussian student-t negative-binomial; do
    # shellcheck disable=SC2086
    expect 0 $series months.csv --horizon 3 --loss $loss --huber-delta 2 $small -o other/$loss
    expect 0 "$elman" forecast other/$loss
    prints '^sold,2010-01-01,'
    true_that "intervals of $loss" ordered 2
done
for base in smooth last none; do
    # shellcheck disable=SC2086
    expect 0 $series h.csv --horizon 2 --base $base --season 24 $small -o other/base
done
for loss in auto student-t mse negative-binomial; do
    # shellcheck disable=SC2086
    expect 0 $series months.csv --recursive --horizon 3 --loss $loss $small -o other/recursive
    expect 0 "$elman" forecast other/recursive --paths 20 --horizon 5
    true_that "intervals of paths of $loss" ordered 2
    cp ../out ../own
    expect 0 "$elman" forecast other/recursive --paths 20 --horizon 5 --threads 2
    true_that 'the same paths from the same seed' cmp ../own ../out
    expect 0 "$elman" forecast other/recursive --paths 20 --horizon 5 --seed 2
    [ $loss = mse ] || true_that "other paths of $loss" [ "$(cmp -s ../own ../out; echo $?)" -eq 1 ]
done
# Paths from a state whose h is narrower than its c.
# shellcheck disable=SC2086
expect 0 $series months.csv --recursive --horizon 3 --cell lstm --projection 3 --learned-state \
    $small -o other/projected
expect 0 "$elman" forecast other/projected --paths 20 --horizon 5
true_that "intervals of paths of an LSTM with a projection" ordered 2
sed '40s/,.*/,/' h.csv >gap.csv
for missing in interpolate mask; do
    # shellcheck disable=SC2086
    expect 0 $series gap.csv --missing $missing --horizon 2 --season 24 $small -o other/gap
done

# A run that was stopped gives the same model.
long='--horizon 12 --season 24,48 --quantiles 0.1,0.5,0.9 --hidden 6 --batch 8 --max-steps 150
    --validate-every 50 --refit --threads 1'
# shellcheck disable=SC2086
expect 0 $series h.csv $long --quiet -o other/whole
# shellcheck disable=SC2086
"$elman" train series h.csv $long -o other/broken >../out 2>../err </dev/null &
run=$!
until grep -q '^step ' ../err; do sleep 0.02; done
kill -INT $run
wait $run
true_that 'the exit status of SIGINT' [ $? -eq 130 ]
if [ -f other/broken.checkpoint ]; then
    expect 0 "$elman" forecast other/broken.checkpoint
    prints '^y,2023-01-26 00:00,'
    expect 0 "$elman" inspect other/broken.checkpoint
    prints '^calibrated  no$'
    refuses 1 'holds an unfinished run' "$elman" train series h.csv -o other/broken
    refuses 1 '\-\-season is "24", but .* was started with "24,48"' "$elman" train series h.csv \
        --season 24 --resume -o other/broken
    refuses 1 'changed.csv has the SHA-256 ' "$elman" train series changed.csv --resume \
        -o other/broken
fi
expect 0 "$elman" train series h.csv --resume --quiet -o other/broken
true_that 'the same bytes as without a break' cmp other/whole other/broken
true_that 'no checkpoint is left' [ ! -e other/broken.checkpoint ]

# Backtests: the rows tell the same errors as the table.
# shellcheck disable=SC2086
expect 0 "$elman" backtest h.csv --horizon 6 --season 24 --folds 3 --stride 5 $small -o folds.csv \
    --plot folds.svg --json
prints '"folds": 3'
prints '"stride": 5'
mae() {
    awk -F, -v column="$1" 'NR > 1 { d = $4 - $column; sum += d < 0 ? -d : d; n++ }
        END { printf "%.4g\n", sum / n }' folds.csv
}
true_that 'a line for each step of each forecast' [ "$(wc -l <folds.csv)" -eq 19 ]
true_that 'the columns' [ "$(head -n 1 folds.csv)" = \
    'unique_id,ds,cutoff,y,Elman,Elman-lo-80,Elman-hi-80,Elman-lo-95,Elman-hi-95,SeasonalNaive' ]
true_that 'the first forecast' [ "$(sed -n 2p folds.csv | cut -d, -f1-3)" = \
    'y,2023-01-25 08:00,2023-01-25 07:00' ]
true_that 'the last step' [ "$(tail -n 1 folds.csv | cut -d, -f1-3)" = \
    'y,2023-01-25 23:00,2023-01-25 17:00' ]
true_that 'what came' [ "$(tail -n 1 folds.csv | cut -d, -f4)" = \
    "$(tail -n 1 h.csv | cut -d, -f2 | sed 's/0*$//')" ]
# shellcheck disable=SC2086
expect 0 "$elman" backtest h.csv --horizon 6 --season 24 --folds 3 --stride 5 $small --threads 2
prints '^3 forecasts of 6 steps, each 5 steps after the one before; trained once on what lies'
says_nothing
true_that 'the error of the model' [ "$(mae 5)" = "$(sed -n 's/^Elman  *\([0-9.]*\) .*/\1/p' ../out)" ]
true_that 'the error of the naive forecast' \
    [ "$(mae 10)" = "$(sed -n 's/^seasonal naive  *\([0-9.]*\) .*/\1/p' ../out)" ]
cp ../out ../once
# shellcheck disable=SC2086
expect 0 "$elman" backtest h.csv --horizon 6 --season 24 --folds 3 --stride 5 $small --retrain
prints 'trained anew on what lies before each of them:$'
true_that 'other models' [ "$(cmp -s ../once ../out; echo $?)" -eq 1 ]
# shellcheck disable=SC2086
expect 0 "$elman" backtest shops.csv --known-future promo --horizon 7 --folds 2 $small --refit \
    --recursive --paths 20
prints '^2 forecasts of 7 steps of each of 2 series, each 7 steps after'
# The noise alone: the last value is no worse than a network that has hardly begun.
awk 'BEGIN { print "y"; for (i = 0; i < 90; i++) { print i } }' >line.csv
# shellcheck disable=SC2086
expect 0 "$elman" backtest line.csv --horizon 4 --folds 3 $small --base none
prints '^The drift forecast is better than the model here: its MAE is '

# Everything is long enough for a season that what lies before the validation part is not.
awk 'BEGIN { print "ds,y"; for (i = 0; i < 30; i++)
    printf "%d-%02d,%d\n", 2000 + int(i / 12), i % 12 + 1, (i % 12 - 6) ^ 2 }' >monthly.csv
# shellcheck disable=SC2086
expect 0 "$elman" backtest monthly.csv --horizon 1 --folds 1 $small --refit
prints '^seasonal naive  *0 '

# A series that begins in what validates is learnt from but not scored there.
{ cat shops.csv; for t in 194 195 196 197 198 199 200; do
    printf 'late,%d,5,0,1,small\n' "$t"
done; } >late.csv
# shellcheck disable=SC2086
expect 0 "$elman" train series late.csv --target y --horizon 7 --season 7 $small -o other/late
prints 'on the validation part, 1 forecast of 7 steps of each of 3 series:'

# A step an epoch: not a line for each.
expect 0 "$elman" train series line.csv --hidden 4 --batch 64 --max-steps 400 -o other/line
says '^step 400 of 400, epoch [0-9]*: loss [0-9.]*, valid '
true_that 'a few lines of many validations' [ "$(grep -c '^step ' ../err)" -lt 30 ]

# A series that is too short to be scored.
{ cat shops.csv; printf 'short,%d,5,0,1,small\n' 199 200; } >short.csv
# shellcheck disable=SC2086
expect 0 "$elman" train series short.csv --target y --horizon 7 --season 7 --hidden 6 --max-steps 2 \
    --batch 8 -o other/short
says 'the validation part of the shortest series has [0-9]* steps, less than the horizon'
prints_nothing
refuses 1 'short.csv: series "short" has 2 values, too few .* which take the last 14' \
    "$elman" backtest short.csv --target y --horizon 7 --folds 2

# Mistakes on the command line.
refuses 2 'no model file was named' "$elman" train series h.csv
refuses 2 '0 files were named, expected one file of series, or -' "$elman" train series -o x
refuses 2 '2 files were named' "$elman" train series h.csv months.csv -o x
refuses 2 '\-\-horizon is "0"' "$elman" train series h.csv --horizon 0 -o x
refuses 2 '\-\-season is "24,7", expected ascending' "$elman" train series h.csv --season 24,7 -o x
refuses 2 '\-\-season is "2.5", expected whole' "$elman" train series h.csv --season 2.5 -o x
refuses 2 '\-\-lags is "",' "$elman" train series h.csv --lags '' -o x
refuses 2 '\-\-quantiles is "0.5,1"' "$elman" train series h.csv --quantiles 0.5,1 -o x
refuses 2 '\-\-level is "80,"' "$elman" train series h.csv --level 80, -o x
refuses 2 '\-\-past is "a,,b", expected 1 to 64 names' "$elman" train series h.csv --past a,,b -o x
refuses 2 '\-\-loss is "best"' "$elman" train series h.csv --loss best -o x
refuses 2 'schedule-steps' "$elman" train series h.csv --schedule step -o x
refuses 2 'expected -o MODEL, the name of a file' "$elman" train series h.csv -o -
refuses 2 '0 files were named, expected a model' "$elman" forecast
refuses 2 '3 files were named, expected a model' "$elman" forecast m h.csv h.csv
refuses 2 '\-\-hold-out is for DATA' "$elman" forecast m --hold-out 3
refuses 2 '\-\-object is for DATA' "$elman" forecast m --object y
refuses 2 'horizon is "0"' "$elman" forecast m --horizon 0
refuses 2 '\-\-level is "100"' "$elman" forecast m --level 100
refuses 2 '9 intervals, a picture has room for 8' "$elman" forecast m --plot a.svg \
    --level 10,20,30,40,50,60,70,80,90
refuses 2 '\-\-folds is "0"' "$elman" backtest h.csv --folds 0
refuses 2 'more than any file has' "$elman" backtest h.csv --folds 99999 --stride 900000000000000000
refuses 2 'standard output is for the errors' "$elman" backtest h.csv -o -
refuses 2 'standard output is for the errors' "$elman" backtest h.csv --plot -
refuses 2 '\-\-log is of one training' "$elman" backtest h.csv --retrain --log x
refuses 2 '\-\-resume is no option' "$elman" backtest h.csv --resume

# Data that are not as the options say, models of another kind, files that must not be touched.
refuses 1 'h.csv: has no column "z" (its columns: ds, y)' "$elman" train series h.csv --target z -o x
refuses 1 'has no column "z"' "$elman" train series h.csv --known-future z -o x
refuses 1 'nowhere.csv: ' "$elman" train series nowhere.csv -o x
refuses 1 'gap.csv:40, column y: ' "$elman" train series gap.csv -o x
sed '30d' h.csv >hole.csv
refuses 1 'hole.csv' "$elman" train series hole.csv -o x
sed '30s/,.*/,high/' h.csv >word.csv
refuses 1 'word.csv:30, column y: ' "$elman" train series word.csv -o x
refuses 1 '^elman: h.csv: .* too few' "$elman" train series h.csv --horizon 400 -o x
refuses 1 'expected one of the two' "$elman" train series shops.csv --target y,visits -o x
refuses 1 'logarithm' "$elman" train series months.csv --logarithm -o x
refuses 1 'recursive forecaster draws' "$elman" train series h.csv --recursive --loss quantile -o x
refuses 1 'known for the past only' "$elman" train series shops.csv --recursive --past visits \
    --target y -o x
refuses 1 'need .* of memory' "$elman" train series h.csv --hidden 100000000 -o x
refuses 1 'h.csv: is the data to learn' "$elman" train series h.csv -o h.csv
refuses 1 'h.csv: is the data to learn' "$elman" train series h.csv -o x --log h.csv
refuses 1 'not/there' "$elman" train series h.csv -o not/there/x
refuses 1 'forecasts 12 steps at once, not 13; a recursive one' "$elman" forecast m --horizon 13
refuses 1 'has no column "ds"' "$elman" forecast m months.csv
sed '1s/.*/ds,y/' months.csv >y.csv
refuses 1 'spacing' "$elman" forecast m y.csv
awk -F, '$2 != 204' future.csv >short.csv
refuses 1 'expected 204: the times must follow' "$elman" forecast shops --future short.csv
head -n 4 future.csv >short.csv
refuses 1 '"promo" is missing for 204' "$elman" forecast shops --future short.csv
refuses 1 'nowhere' "$elman" forecast shops --future nowhere
refuses 1 'nowhere' "$elman" forecast nowhere
refuses 1 'h.csv' "$elman" forecast h.csv
refuses 1 'm: is to be read' "$elman" forecast m -o m
refuses 1 'h.csv: is to be read' "$elman" forecast m h.csv --plot h.csv
refuses 1 'both the forecast and its picture' "$elman" forecast m -o a --plot a
refuses 1 'standard output: is to be both' "$elman" forecast m --plot -
refuses 1 'not/there' "$elman" forecast m -o not/there
refuses 1 'has no value to go on from' "$elman" forecast m h.csv --hold-out 600
head -n 2 h.csv >once.csv
refuses 1 'no series of the data has two times' "$elman" forecast m once.csv
refuses 1 'h.csv: is to be read' "$elman" backtest h.csv -o h.csv
refuses 1 'a: is to be written twice' "$elman" backtest h.csv -o a --plot a
refuses 1 'h.csv: is the data to learn' "$elman" backtest h.csv --log h.csv
refuses 1 'has 600 values, too few' "$elman" backtest h.csv --horizon 100 --folds 6
refuses 1 'too few values to learn' "$elman" backtest h.csv --horizon 100 --folds 5
expect 0 "$elman" train task parity --length 4 --hidden 4 --max-steps 1 -q -o task
refuses 1 'task: the model forecasts no series' "$elman" forecast task
expect 1 "$elman" generate m
says 'm: is no model of text'
finish
