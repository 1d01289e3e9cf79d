# The example, character by character, agrees with `elman eval`. usage: stream.sh PROGRAM ELMAN
set -eu
program=$1 elman=$2
"$program" </dev/null && exit 1
"$program" missing.safetensors </dev/null && exit 1

i=0
while [ $i -lt 60 ]; do
    echo "Verse $i: and the waters prevailed, and were increased greatly."
    i=$((i + 1))
done >text
"$elman" train text text -o model --hidden 16 --window 20 --batch 4 --max-steps 60 --lr 2e-2 2>train.log
wanted=$("$elman" eval model text --json | sed -n 's/.*"bits_per_character": *\([0-9.]*\).*/\1/p')
"$program" model <text >out
got=$(sed -n 's/^ *\([0-9.]*\)  bits per character$/\1/p' out)
echo "stream: $got bits per character, eval: $wanted"
# The example prints two places; one line for each character but the first, and the sum.
LC_ALL=C awk -v got="$got" -v wanted="$wanted" 'BEGIN {
    exit !(wanted > 0.1 && wanted < 4 && got - wanted < 0.0051 && wanted - got < 0.0051)
}'
[ "$(wc -l <out)" -eq "$(wc -m <text)" ]
