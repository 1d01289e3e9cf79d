# Conversion to ONNX: by the name of OUT and by --to, from models and from PyTorch, verdicts.
. "$(dirname "$0")/support/expect.sh"
cp "$source/LICENSE" license.txt
expect 0 "$elman" train text license.txt -o text --hidden 8 --layers 2 --cell gru --window 20 \
    --batch 4 --max-steps 3 --quiet

# A build without protobuf-c cannot prove it.
if ! "$elman" convert text out.onnx >/dev/null 2>../err && grep -q 'this build reads none' ../err; then
    refuses 1 'could not be proven' "$elman" convert text x.onnx
    finish
    exit
fi

expect 0 "$elman" convert text out.onnx
prints '^text: a model of Elman$'
prints '^rnn.weight_ih_l0  *F32  24 x [0-9]*  *-> rnn.W_l0$'
prints '^rnn.bias_hh_l1  *F32  24  *-> rnn.B_l1$'
prints '^left out: what turns data into'
prints '^weights  *0.00e+00'
prints '^layer 1 final h  *[0-9.e-]*  *[0-9.e-]*  *24$'
prints '^verdict: proven: the largest difference is [0-9.e-]*, at most 1.00e-05 passes$'
says_nothing
for name in elman rnn_l1 linear_before_reset tokens lengths initial_h_l1 final_h_l1; do
    true_that "$name" grep -aq "$name" out.onnx
done
expect 0 "$elman" convert text other --to onnx --json
prints '"to": "onnx"'
prints '"proven": true'
true_that 'the same bytes' cmp out.onnx other

# Straight from PyTorch's tensors: both are proven.
expect 0 "$elman" convert "$source/tests/data/torch/gru.safetensors" direct.onnx
prints 'nn.GRU$'
prints '^written output'
expect 0 "$elman" convert "$source/tests/data/torch/gru.safetensors" model
expect 0 "$elman" convert model twice.onnx
true_that 'the same bytes' cmp direct.onnx twice.onnx

# --to says what a name does not.
expect 0 "$elman" convert text torch.onnx --to pytorch
true_that 'a module' [ -s torch.onnx.py ]

before=$(folder_state)
expect 3 "$elman" convert text new.onnx --tolerance 1e-12
prints '^verdict: not the same'
true_that 'nothing is written' [ "$(folder_state)" = "$before" ]

# And back: the same bytes of ONNX, straight too.
expect 0 "$elman" convert twice.onnx back
expect 0 "$elman" convert back again.onnx
true_that 'the same bytes' cmp twice.onnx again.onnx
expect 0 "$elman" convert twice.onnx straight.onnx
prints '^written output'
true_that 'the same bytes' cmp twice.onnx straight.onnx
finish
