#!/usr/bin/env python3
"""Writes the node tests of the reverse and bidirectional directions that the onnx package has since
1.20, and Debian's libonnx-testdata lacks: directions.py FOLDER. Needs onnx and numpy from PyPI."""

import pathlib
import sys

import numpy
import onnx
from onnx import numpy_helper
from onnx.backend.test.case import node

# A case makes its data where it is defined, with numpy's global generator.
numpy.seterr(all="ignore")
numpy.random.seed(0)
folder = pathlib.Path(sys.argv[1])
for case in node.collect_testcases(None):
    if not case.name.endswith(("rnn_reverse", "rnn_bidirectional", "gru_reverse", "gru_bidirectional",
                               "lstm_reverse", "lstm_bidirectional")):
        continue
    data = folder / case.name / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    onnx.save(case.model, data.parent / "model.onnx")
    inputs, outputs = case.data_sets[0]
    for kind, arrays in (("input", inputs), ("output", outputs)):
        for index, array in enumerate(arrays):
            tensor = numpy_helper.from_array(array)
            (data / f"{kind}_{index}.pb").write_bytes(tensor.SerializeToString())
    print(case.name, "onnx", onnx.__version__)
