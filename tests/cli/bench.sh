# elman bench: points, their JSON, and mistakes.
. "$(dirname "$0")/support/expect.sh"

expect 0 "$elman" bench --list
says_nothing
prints '^lstm-h128-b1-t100-infer$'
prints '^rnn-h1024-b32-t25-train$'
prints '^gru-i1-h24-step$'
prints '^speech-bilstm-3x256$'
true_that 'three cells, nine shapes, two modes; twenty streams; four training steps' \
    [ "$(wc -l <../out)" -eq 78 ]
true_that 'no point twice' [ -z "$(sort ../out | uniq -d)" ]
expect 0 "$elman" bench --list --point 'lstm-*-step,series*'
true_that 'patterns choose' [ "$(wc -l <../out)" -eq 11 ]

refuses 2 'no point matches xyzzy' "$elman" bench --point xyzzy
refuses 2 'no point matches ' "$elman" bench --point ''
refuses 2 'expected options alone' "$elman" bench lstm
refuses 2 '\-\-threads is "0", expected a whole number from 1 to 1024' "$elman" bench --threads 0
refuses 2 '\-\-seconds is "0", expected a number from above 0 to 3600' "$elman" bench --seconds 0
export ELMAN_ISA=mmx
refuses 1 'instruction set "mmx"' "$elman" bench --point gru-i1-h8-step
unset ELMAN_ISA

expect 0 "$elman" bench --point 'rnn-h64-b8-t100-train,gru-i1-h8-step' --seconds 0.01 --threads 2
says_nothing
prints 'GFLOP/s on 1 thread'
prints 'barrier'
prints '^rnn-h64-b8-t100-train  *2 '
prints '^gru-i1-h8-step  *1 '

expect 0 "$elman" bench --point 'lstm-h64-b8-t100-infer,lstm-h64-b8-t100-train,gru-i1-h8-step,series*' \
    --seconds 0.01 --threads 1 --profile --json
says_nothing
cat >../check.py <<'END'
import json, math, sys
all = json.load(open(sys.argv[1]))
assert list(all) == ["ceilings", "points"], list(all)
c, points = all["ceilings"], all["points"]
assert c["threads"] == 1 and c["barrier_s"] == 0 and c["peak_flops"] > 0 and c["fma_chain_s"] > 0
assert len(c["read_bytes"]) == len(c["read_bytes_per_s"]) > 0 and min(c["read_bytes_per_s"]) > 0
infer, train, step, whole = points
wanted = dict(point="lstm-h64-b8-t100-infer", cell="lstm", hidden=64, batch=8, steps=100,
              mode="infer", threads=1, dtype="float32", isa=c["isa"])
for key, value in wanted.items():
    assert infer[key] == value, (key, infer[key])
assert whole["point"] == "series-gru-1x64" and whole["mode"] == "train" and whole["cell"] == "gru"
for p in points:
    assert 0 < p["p5_s"] <= p["median_s"] and p["percent_of_model"] > 0
    assert math.isclose(p["percent_of_peak"], 1e11 * p["gflops"] / c["peak_flops"], rel_tol=1e-9)
# 2 G H (I + H) B T; the series: three times that without the gradient of x, and the head
flops = 2 * 4 * 64 * 128 * 8 * 100
assert math.isclose(infer["gflops"] * 1e9 * infer["median_s"], flops, rel_tol=1e-9)
flops = 64 * 168 * (3 * 2 * 3 * 64 * 64 + 2 * 2 * 3 * 64 * 8 + 3 * 2 * 64)
assert math.isclose(whole["gflops"] * 1e9 * whole["median_s"], flops, rel_tol=1e-9)

# The cost model, once more, at the pace of each point.
def read(bytes):
    sizes, rates = c["read_bytes"], c["read_bytes_per_s"]
    at = math.log2(max(bytes, sizes[0]) / sizes[0])
    low = int(at)
    return rates[low] + (at - low) * (rates[low + 1] - rates[low])
def product(p, flops, weights, links):
    link = c["fma_chain_s"] * c["clock_hz"] / p["clock_hz"]
    return max(flops / p["product_flops"], 4 * weights / read(4 * weights), links * link)
def activations(p, cell, a, h, b):
    one, slower = a * b * 0.9 / p["clock_hz"], c["clock_hz"] / p["clock_hz"]
    hidden = (c[cell + "_chain_s"] - c["fma_chain_s"]) * slower - min(16, h) * one
    return h * one + max(0, hidden)
g, h, b, t = 4, 64, 8, 100
def sums(p):
    return 2 * g * h * h * b * t / p["product_flops"]
def forward(p):
    return sums(p) + t * (product(p, 2 * g * h * h * b, g * h * h, h) + activations(p, "lstm", 5, h, b))
def backward(p):
    return t * product(p, 2 * g * h * h * b, g * h * h, g * h) + 3 * sums(p)
def stream(p):
    return product(p, 2 * 3 * 8 * 9, 3 * 8 * 9, 8) + activations(p, "gru", 3, 8, 1)
seconds = forward(infer), forward(train) + backward(train), stream(step)
for p, s in zip((infer, train, step), seconds):
    assert math.isclose(p["percent_of_model"], 100 * s / p["median_s"], rel_tol=1e-9), p
assert c["product_flops"] > 0 and c["product_all_flops"] == c["product_flops"]
m = whole["memory_bytes"]
assert m["needed"] > 4 * 5 * 64 * 64 * 168 and m["allocated"] >= 0.9 * m["needed"], m
assert "profile_percent" not in infer
assert "profile_percent" in train
assert math.isclose(sum(whole["profile_percent"].values()), 100, rel_tol=1e-9)
END
if command -v python3 >/dev/null; then
    cp ../out ../points.json
    expect 0 python3 ../check.py ../points.json
fi
finish
