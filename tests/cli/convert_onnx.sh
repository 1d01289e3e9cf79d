# Conversion from ONNX: what is printed, probes and what was expected of them, refusals.
. "$(dirname "$0")/support/expect.sh"
models=$source/tests/convert/onnx
if ! "$elman" convert "$models/torch_gru.onnx" model >/dev/null 2>../err; then
    grep -q 'which this build cannot do' ../err || cat ../err
    refuses 1 'torch_gru.onnx: is read as an ONNX model, which this build cannot do' \
        "$elman" convert "$models/torch_gru.onnx" model
    finish
fi

expect 0 "$elman" convert "$models/torch_gru.onnx" model
prints 'torch_gru.onnx: an ONNX graph$'
prints '^onnx::GRU_[0-9]*\[1\]  *F32  15 x 5  *-> rnn.weight_hh_l0_reverse$'
prints '^onnx::GRU_[0-9]*\[0, 15:\]  *F32  15  *-> rnn.bias_hh_l1$'
prints '^head.bias  *F32  3  *-> head.bias$'
prints '^input "x" is the sequence, rows first, then steps: 4 features$'
prints '^weights  *0.00e+00  *0.00e+00 '
prints '^layer 1 backward final h '
prints '^verdict: proven: the largest difference is [0-9.e-]*, at most 1.00e-05 passes$'
says_nothing
expect 0 "$elman" inspect model
prints 'gru'
expect 0 "$elman" convert "$models/torch_states.onnx" states --json
prints '"from": "onnx"'
prints '"place": "layer 0 final c"'
prints 'input \\"h0\\" holds initial states'

# A file of another name is recognised too, and goes on to PyTorch.
cp "$models/torch_lstm.onnx" unnamed
expect 0 "$elman" convert unnamed torch.safetensors --to pytorch
true_that 'a module' grep -q 'self.rnn = nn.LSTM(' torch.py
expect 0 "$elman" convert torch.safetensors back
expect 0 "$elman" convert unnamed model --from onnx
true_that 'the same bits' cmp model back

# What is given to both sides.
header() {
    printf '\223NUMPY\001\000\166\000' >"$1"
    printf "%-117s\n" "{'descr': '<f4', 'fortran_order': False, 'shape': ($2), }" >>"$1"
}
header probe.npy '2, 1, 4'
printf '\000\000\200\077\000\000\000\077\000\000\200\077\000\000\000\000\000\000\000\077\000\000\200\077\000\000\000\077\000\000\000\000' \
    >>probe.npy
expect 0 "$elman" convert "$models/torch_lstm.onnx" model --probe probe.npy
prints '^proof: 1 row of at most 2 steps'
expect 0 "$elman" run model probe.npy -o right.npy
expect 0 "$elman" convert "$models/torch_lstm.onnx" model --probe probe.npy --expect right.npy
prints '^expected output  *0.00e+00'
header wrong.npy '2, 1, 3'
dd if=/dev/zero bs=4 count=6 2>/dev/null >>wrong.npy
before=$(folder_state)
expect 3 "$elman" convert "$models/torch_lstm.onnx" new --probe probe.npy --expect wrong.npy
prints '^verdict: not the same'
true_that 'nothing is written' [ "$(folder_state)" = "$before" ]

# What makes no sense.
refuses 1 'the probe has 2 steps and 1 rows, the graph is for 6 and 3 only' \
    "$elman" convert "$models/torch_lstm_fixed.onnx" x --probe probe.npy
refuses 1 'is an ONNX model, which tells its nonlinearity' \
    "$elman" convert "$models/torch_lstm.onnx" x --nonlinearity relu
refuses 1 'is no safetensors file' "$elman" convert "$models/torch_lstm.onnx" x --from pytorch
refuses 1 'LICENSE: ' "$elman" convert "$source/LICENSE" x --from onnx
finish
