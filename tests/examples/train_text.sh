# The example learns from a real text. usage: train_text.sh PROGRAM
source=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
"$1" && exit 1
"$1" missing.txt && exit 1
"$1" "$source/LICENSE" >out || exit 1
cat out
first=$(sed -n 's/^step  *50  loss \([0-9.]*\) nats$/\1/p' out)
last=$(sed -n 's/^validation loss \([0-9.]*\) nats$/\1/p' out)
# Below the entropy of single characters, 3.26, and still falling.
awk "BEGIN { exit !($last < $first && $last < 3.0) }" || { echo "$first, then $last" && exit 1; }
# A sample of 200 characters follows the losses.
[ "$(sed '1,/^validation/d' out | wc -m)" -ge 200 ]
