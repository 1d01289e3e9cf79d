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

# The cost model, once more.
cycles = 0.9 / c["clock_hz"]
def read(bytes):
    sizes, rates = c["read_bytes"], c["read_bytes_per_s"]
    at = math.log2(max(bytes, sizes[0]) / sizes[0])
    low = int(at)
    return rates[low] + (at - low) * (rates[low + 1] - rates[low])
def product(flops, weights, links):
    return max(flops / c["peak_flops"], 4 * weights / read(4 * weights), links * c["fma_chain_s"])
def activations(cell, a, h, b):
    hidden = c[cell + "_chain_s"] - c["fma_chain_s"] - min(16, h) * a * b * cycles
    return a * h * b * cycles + max(0, hidden)
g, h, b, t = 4, 64, 8, 100
sums = 2 * g * h * h * b * t / c["peak_flops"]
forward = sums + t * (product(2 * g * h * h * b, g * h * h, h) + activations("lstm", 5, h, b))
backward = t * product(2 * g * h * h * b, g * h * h, g * h) + 3 * sums
stream = product(2 * 3 * 8 * 9, 3 * 8 * 9, 8) + activations("gru", 3, 8, 1)
for p, seconds in (infer, forward), (train, forward + backward), (step, stream):
    assert math.isclose(p["percent_of_model"], 100 * seconds / p["median_s"], rel_tol=1e-9), p
m = whole["memory_bytes"]
assert m["needed"] > 4 * 5 * 64 * 64 * 168 and m["allocated"] >= 0.9 * m["needed"], m
assert "profile_percent" not in infer
assert "profile_percent" in train
assert math.isclose(sum(whole["profile_percent"].values()), 100, rel_tol=1e-9)
