# Conversion: a model of ours to PyTorch and back, what is printed, probes, verdicts, refusals.
. "$(dirname "$0")/support/expect.sh"
cp "$source/LICENSE" license.txt
expect 0 "$elman" train text license.txt -o text --hidden 8 --layers 2 --cell gru --window 20 \
    --batch 4 --max-steps 3 --quiet

# To PyTorch and back.
expect 0 "$elman" convert text torch.safetensors
prints '^text: a model of Elman$'
prints '^rnn.weight_ih_l0  *F32  24 x [0-9]*  *-> rnn.weight_ih_l0$'
prints '^left out: what turns data into'
prints '^weights  *0.00e+00'
prints '^layer 1 h  *[0-9.e-]*  *[0-9.e-]*  *464$'
prints '^verdict: proven: the largest difference is [0-9.e-]*, at most 1.00e-05 passes$'
says_nothing
true_that 'a module' grep -q 'self.rnn = nn.GRU(' torch.py
true_that 'that loads its tensors' grep -q 'with_suffix(".safetensors")' torch.py
expect 0 "$elman" convert torch.safetensors back --json
prints '"proven": true'
prints '"source": "nn.GRU"'
prints '"place": "output"'
expect 0 "$elman" convert back again.safetensors
true_that 'the same bits' cmp torch.safetensors again.safetensors
true_that 'the same code' cmp torch.py again.py
expect 0 "$elman" convert text folder --to pytorch-folder
for file in config.json model.safetensors model.py README.md; do
    true_that "$file" [ -s "folder/$file" ]
done
true_that 'JSON' grep -q '"hidden_size": 8' folder/config.json

# Nobody named the code's file: one that a person wrote stays, and so do those of another folder.
mkdir mine
echo 'print("mine")' >mine.py
echo '# Mine' >mine/README.md
for out in mine.safetensors mine; do
    to=pytorch
    [ "$out" = mine ] && to=pytorch-folder
    before=$(folder_state)
    expect 1 "$elman" convert text "$out" --to "$to"
    true_that 'what would be replaced' grep -q 'was not written by elman convert' ../err
    true_that 'nothing is written' [ "$(folder_state)" = "$before" ]
done
true_that 'the folder is as it was' [ "$(ls mine)" = README.md ]
expect 0 "$elman" convert text folder --to pytorch-folder
expect 1 "$elman" convert text other.py --to pytorch
true_that 'a name for code' grep -q 'other.py: is a name for code' ../err

# A projection.
expect 0 "$elman" train text license.txt -o narrow --hidden 8 --projection 3 --layers 2 --cell lstm \
    --learned-state --window 20 --batch 4 --max-steps 3 --quiet
expect 0 "$elman" convert narrow narrow.safetensors
prints '^rnn.weight_hr_l1  *F32  3 x 8  *-> rnn.weight_hr_l1$'
true_that 'a projection' grep -q 'proj_size=3' narrow.py
true_that 'states of two widths' grep -q 'zeros(3 if kind == "h0" else 8)' narrow.py
expect 0 "$elman" convert narrow.safetensors narrow-back
expect 0 "$elman" inspect narrow-back
prints '8 units projected to 3'
expect 0 "$elman" convert narrow narrow-folder --to pytorch-folder
true_that 'JSON' grep -q '"proj_size": 3' narrow-folder/config.json
true_that 'a card' grep -q 'projected to | 3' narrow-folder/README.md

# The nonlinearity of an nn.RNN is assumed aloud.
expect 0 "$elman" train task adding --length 10 --cell rnn --hidden 4 --max-steps 3 -o rnn --quiet
expect 0 "$elman" convert rnn rnn.safetensors
prints '^weights\|^output'
expect 0 "$elman" convert rnn.safetensors tanh
true_that 'our own file tells it' [ "$(grep -c 'assumed: the nn.RNN' ../out)" -eq 0 ]
expect 0 "$elman" convert rnn.safetensors relu --nonlinearity relu
expect 0 "$elman" inspect relu
prints 'relu'

# What is given to both sides, and what the other system said.
expect 0 "$elman" train task adding --length 10 --cell lstm --hidden 4 --max-steps 3 -o adding --quiet
expect 0 "$elman" convert adding adding.safetensors
printf '\223NUMPY\001\000\166\000' >probe.npy
printf "%-117s\n" "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }" >>probe.npy
printf '\000\000\200\077\000\000\000\000\000\000\000\077\000\000\200\077\000\000\000\000\000\000\000\077' \
    >>probe.npy
expect 0 "$elman" run adding probe.npy -o right.npy
expect 0 "$elman" run tanh probe.npy -o wrong.npy
expect 0 "$elman" convert adding.safetensors same --probe probe.npy --expect right.npy
prints '^proof: 1 row of at most 3 steps'
prints '^expected output  *0.00e+00'

# Rows before steps are other axes, though there are as many numbers.
printf '\223NUMPY\001\000\166\000' >rows.npy
printf "%-117s\n" "{'descr': '<i4', 'fortran_order': False, 'shape': (3, 2), }" >>rows.npy
head -c 24 /dev/zero >>rows.npy
expect 0 "$elman" run narrow rows.npy -o steps_first.npy
LC_ALL=C sed "s/(3, 2, /(2, 3, /" steps_first.npy >rows_first.npy
expect 0 "$elman" convert narrow.safetensors same --probe rows.npy --expect steps_first.npy
expect 1 "$elman" convert narrow.safetensors same --probe rows.npy --expect rows_first.npy
true_that 'the axes are named' grep -q 'other axes than \[3\]\[2\]' ../err

refuses_with_verdict() {
    before=$(folder_state)
    expect 3 "$@"
    prints '^verdict: not the same'
    true_that 'nothing is written' [ "$(folder_state)" = "$before" ]
}
refuses_with_verdict "$elman" convert adding.safetensors new --probe probe.npy --expect wrong.npy
refuses_with_verdict "$elman" convert adding.safetensors same --probe probe.npy --expect wrong.npy
refuses_with_verdict "$elman" convert adding.safetensors new --tolerance 1e-12
refuses_with_verdict "$elman" convert adding new --to pytorch-folder --tolerance 1e-12

# What torch.save wrote.
expect 0 "$elman" convert "$source/tests/data/torch/gru.pt" saved
prints 'gru.pt: nn.GRU$'
expect 0 "$elman" convert "$source/tests/data/torch/gru.safetensors" plain
true_that 'the same bits' cmp saved plain
refuses 1 'names torch.nn.modules.rnn.GRU' "$elman" convert "$source/tests/data/torch/refused-module.pt" x

# One module of several tensors.
expect 0 "$elman" convert adding.safetensors part --module rnn --linear none
prints '^left aside: head.weight, head.bias$'
true_that 'no head' [ "$(grep -c -- '-> head' ../out)" -eq 0 ]
expect 0 "$elman" convert "$source/tests/data/torch/gru.safetensors" alone --module .
true_that 'the same bits' cmp alone plain
expect 0 "$elman" convert "$source/tests/data/torch/checkpoint.pt" alone --module model
prints '^left aside: optimizer.state.0.step, '
refuses 1 'has no recurrent module lstm, expected of rnn' "$elman" convert adding.safetensors x --module lstm
refuses 1 'head.weight: belongs to no .*--module' "$elman" convert adding.safetensors x --linear none
refuses 1 'choose from PyTorch' "$elman" convert text x --module rnn

# What makes no sense.
refuses 2 'expected two: IN OUT' "$elman" convert text
refuses 2 '\-\-expect needs --probe' "$elman" convert text x --expect right.npy
refuses 2 '\-\-to' "$elman" convert text x --to keras
refuses 1 'text: is a model of Elman already' "$elman" convert text x --to elman
refuses 1 'only an nn.RNN has a choice' "$elman" convert torch.safetensors x --nonlinearity relu
refuses 1 'license.txt: is no safetensors file' "$elman" convert license.txt x
refuses 1 'missing: .*No such file' "$elman" convert missing x
refuses 1 'the probe holds' "$elman" convert torch.safetensors x --probe probe.npy
refuses 1 'expected output has' "$elman" convert adding.safetensors x --probe probe.npy --expect probe.npy
refuses 1 'text: ' "$elman" convert text text
refuses 1 'license.txt: no folder can be made' "$elman" convert text license.txt --to pytorch-folder
finish
