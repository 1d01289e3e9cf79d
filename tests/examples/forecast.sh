# The example forecasts a wave that it can know. usage: forecast.sh PROGRAM
"$1" && exit 1
"$1" missing.csv 12 && exit 1
# 28 days of two months by the hour: a level of 100, a cycle of a day, a little noise by a formula.
# Without the second month there is no hole in the times.
awk 'BEGIN {
    print "ds,y"
    for (t = 0; t < 56 * 24; t++) {
        noise = (t * 7919 % 1000) / 1000 - 0.5
        printf "2024-%02d-%02dT%02d:00:00,%.4f\n", 1 + int(t / 24 / 28), 1 + int(t / 24) % 28, \
            t % 24, 100 + 10 * sin(t * 3.14159265 / 12) + noise
    }
}' >hole.csv
head -n $((1 + 28 * 24)) hole.csv >month.csv
"$1" hole.csv 24 2>&1 | grep -q '2024-01-29' || { echo 'no word about the hole' && exit 1; }
"$1" month.csv 0 && exit 1
"$1" month.csv 24 >out || exit 1
cat out
# The next day, each hour within 1.5 of the wave.
awk '/80 %/ {
    wave = 100 + 10 * sin(n++ * 3.14159265 / 12)
    if ($2 < wave - 1.5 || $2 > wave + 1.5) wrong++
} END { exit n != 24 || wrong > 0 }' out || { echo 'not the wave' && exit 1; }
grep -q '^2024-01-29T23:00:00 ' out
