# elman diagram: every form of a trained model, windows from its summary, gates, refusals.
. "$(dirname "$0")/support/expect.sh"

expect 0 "$elman" train text "$source/LICENSE" -o m.safetensors --hidden 8 --layers 2 --window 3 \
    --batch 4 --epochs 0 --max-steps 3 --quiet
model=m.safetensors

expect 0 "$elman" diagram $model
prints '^<svg xmlns="http://www.w3.org/2000/svg"'
prints '2 layers of LSTM: '
prints 'inside LSTM'
prints 'gradient: 3 steps back'
says_nothing
if command -v xmllint >/dev/null; then
    expect 0 "$elman" diagram $model --unroll 5 -o picture.svg
    prints_nothing
    expect 0 xmllint --noout picture.svg
    expect 0 "$elman" diagram $model --gates 'MIT & <License>' -o picture.svg
    expect 0 xmllint --noout picture.svg
fi
expect 0 "$elman" diagram $model --no-cells --unroll 4 --format text
prints '^h₀▶│LSTM│──▶│LSTM│──▶│LSTM│─╎▶│LSTM│──▶…$'
prints '^windows of 3 steps: gradients stay inside; the state is carried on$'
expect 0 "$elman" diagram $model --window 0 --format text
checks=$((checks + 1))
! grep -q gradient ../out || problem 'a window that was not asked for'
expect 0 "$elman" diagram $model --format mermaid
prints '^flowchart BT$'
expect 0 "$elman" diagram $model --format dot --unroll 3
prints '^digraph elman {$'
if command -v dot >/dev/null; then
    cp ../out graph.dot
    expect 0 dot -Tsvg -o graph.svg graph.dot
    says_nothing
else
    echo 'dot is not installed: not checked'
fi

expect 0 "$elman" train text "$source/LICENSE" -o full.safetensors --hidden 8 --layers 1 \
    --window 3 --bptt full --batch 4 --epochs 0 --max-steps 1 --quiet
expect 0 "$elman" diagram full.safetensors --unroll 4 --format text
prints 'each starts anew'

printf 'Permission\nis' >passage
expect 0 "$elman" diagram $model --gates @passage --layer 1 --units 2 --format text
prints '^layer 1, LSTM: the first 2 of 8 units$'
prints '^f, forget gate: '
prints '^        Permission↵is$'
expect 0 "$elman" diagram $model --gates @passage --unit 8 --format text
prints '^layer 0, LSTM: c of unit 8$'
prints '^Permission↵$'
expect 0 "$elman" diagram $model --gates @passage --unit 8 --state hidden
prints 'h of unit 8'
expect 0 "$elman" diagram $model --gates @passage -o gates.svg
prints_nothing
true_that 'the picture is there' grep -q '</svg>' gates.svg

refuses 2 'expected one' "$elman" diagram
refuses 2 '0 to 8' "$elman" diagram $model --unroll 9
refuses 2 'expected svg, mermaid, dot or text' "$elman" diagram $model --format png
refuses 2 '\-\-gates PASSAGE too' "$elman" diagram $model --unit 1
refuses 2 'svg or text' "$elman" diagram $model --gates a --format dot
refuses 2 'one of them' "$elman" diagram $model --gates a --unroll 2
refuses 2 'expected a passage' "$elman" diagram $model --gates ''
refuses 1 'units 1 to 8' "$elman" diagram $model --gates abc --unit 9
refuses 1 'layers 0 to 1' "$elman" diagram $model --gates abc --layer 2
refuses 1 'no backward direction' "$elman" diagram $model --gates abc --backward
refuses 1 'nowhere' "$elman" diagram $model --gates @nowhere
refuses 1 'nowhere' "$elman" diagram nowhere
refuses 1 'no/folder' "$elman" diagram $model -o no/folder/picture.svg
refuses 1 'is to be read' "$elman" diagram $model -o $model
refuses 1 'is to be read' "$elman" diagram $model --gates @passage -o ./passage
cp gates.svg ../gates.svg
(
    ulimit -f 2 # 1 or 2 KiB
    refuses 1 'gates.svg: ' "$elman" diagram $model --unroll 8 -o gates.svg
    [ "$failed" -eq 0 ]
) || problem 'a disk that is full'
true_that 'the old picture is as it was' cmp gates.svg ../gates.svg
if [ -c /dev/full ]; then
    refuses 1 '/dev/full: ' "$elman" diagram $model -o /dev/full
fi

# Rows of numbers.
expect 0 "$elman" train task adding --length 5 --hidden 4 -o dense.safetensors --max-steps 1 --quiet
expect 0 "$elman" diagram dense.safetensors --gates '0.1,0;0.2,1;0.3,0' --format text
prints '^        123$'
refuses 1 'rows of 3 numbers, the model reads 2' "$elman" diagram dense.safetensors --gates '1,2,3'
finish
