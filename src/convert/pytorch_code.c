/* Writes Python, JSON and Markdown about a model. */
#include "convert/pytorch_code.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/files.h"
#include "model/model.h"

enum { PIECE_MAX = 1024 };

/* A text file on its way; the first failure stays. */
typedef struct Page {
    FileWriter *writer;
    elman_status status;
    elman_error *error;
} Page;

static void say(Page *page, const char *format, ...) ELMAN_PRINTF(2, 3);

/* Appends at most PIECE_MAX - 1 bytes. */
static void say(Page *page, const char *format, ...) {
    char piece[PIECE_MAX];
    va_list arguments;
    if (page->status) return;
    va_start(arguments, format);
    vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    page->status = file_writer_write(page->writer, piece, strlen(piece), page->error);
}

static Page open_page(const elman_model *model, const char *path, elman_error *error) {
    Page page = {.error = error};
    page.status = file_writer_open(&model->context->memory, path, &page.writer, error);
    return page;
}

static elman_status close_page(Page *page) {
    if (!page->status) return file_writer_commit(page->writer, page->error);
    file_writer_abort(page->writer);
    return page->status;
}

static const char *module_name(const elman_model *model) {
    const elman_cell cell = model->structure.layers[0].cell;
    return cell == ELMAN_CELL_LSTM ? "LSTM" : cell == ELMAN_CELL_GRU ? "GRU" : "RNN";
}

static bool is_lstm(const elman_model *model) {
    return model->structure.layers[0].cell == ELMAN_CELL_LSTM;
}

static const char *truth(bool is) {
    return is ? "True" : "False";
}

static bool learns_state(const elman_model *model) {
    for (size_t i = 0; i < model->structure.layer_count; i++)
        if (model->structure.layers[i].learned_state) return true;
    return false;
}

/* Of what a layer hands to the next one, as nn.RNN has it: that of all layers but the last, which
 * is the greatest where they differ; the module in its evaluation mode has none. */
static double inner_dropout(const elman_model *model) {
    double dropout = 0.0;
    for (size_t i = 0; i + 1 < model->structure.layer_count; i++)
        if ((double)model->structure.layers[i].dropout > dropout)
            dropout = (double)model->structure.layers[i].dropout;
    return dropout;
}

static double outer_dropout(const elman_model *model) {
    return (double)model->structure.layers[model->structure.layer_count - 1].dropout;
}

static void say_shapes(Page *page, const elman_model *model) {
    const Structure *const structure = &model->structure;
    if (structure->input == ELMAN_INPUT_DENSE)
        say(page, "inputs   [steps, rows, %zu] of float32\n", structure->input_size);
    else
        say(page, "inputs   [steps, rows] of int64, tokens 0 to %zu\n", structure->input_size - 1);
    say(page, "outputs  %s, %zu]\n", structure_one_output(structure) ? "[rows" : "[steps, rows",
        structure_outputs(structure));
}

static void say_constructor(Page *page, const elman_model *model) {
    const Structure *const structure = &model->structure;
    const elman_cell_options *const first = structure->layers;
    const size_t directions = structure_directions(structure, 0);
    say(page, "    def __init__(self):\n        super().__init__()\n");
    if (structure->embedding)
        say(page, "        self.embedding = nn.Embedding(%zu, %zu)\n", structure->input_size,
            structure->embedding);
    say(page, "        self.rnn = nn.%s(\n            %zu, %zu, num_layers=%zu, bias=%s,\n",
        module_name(model), structure_inputs(structure, 0), first->hidden, structure->layer_count,
        truth(!first->no_bias));
    say(page, "            dropout=%g, bidirectional=%s", inner_dropout(model),
        truth(directions == 2));
    if (first->cell == ELMAN_CELL_RNN_RELU) say(page, ", nonlinearity=\"relu\"");
    if (first->projection) say(page, ", proj_size=%zu", first->projection);
    say(page, ",\n        )\n");
    for (size_t i = 0; i < structure->layer_count; i++)
        for (size_t k = 0; k < directions && structure->layers[i].learned_state; k++)
            for (size_t cell = 0; cell <= is_lstm(model); cell++)
                say(page,
                    "        self.rnn.register_parameter(\"%s_l%zu%s\", "
                    "nn.Parameter(torch.zeros(%zu)))\n",
                    cell ? "c0" : "h0", i, k ? "_reverse" : "",
                    cell ? first->hidden : structure_width(structure, i));
    if (outer_dropout(model) > 0.0)
        say(page, "        self.dropout = nn.Dropout(%g)\n", outer_dropout(model));
    if (structure->has_head)
        say(page, "        self.head = nn.Linear(%zu, %zu, bias=%s)\n",
            structure_inputs(structure, structure->layer_count), structure->head_outputs,
            truth(!structure->head_no_bias));
}

/* The learned initial states, in the order of nn.RNN's h_0. */
static void say_start(Page *page, const elman_model *model) {
    const Structure *const structure = &model->structure;
    say(page,
        "\n    def start(self, kind, rows):\n"
        "        \"\"\"The learned initial state, [layers * directions, rows, hidden].\"\"\"\n"
        "        names = [\n            f\"{kind}_l{layer}{direction}\"\n");
    say(page, "            for layer in range(%zu)\n            for direction in %s\n        ]\n",
        structure->layer_count,
        structure_directions(structure, 0) == 2 ? "(\"\", \"_reverse\")" : "(\"\",)");
    if (structure->layers[0].projection)
        say(page, "        zero = torch.zeros(%zu if kind == \"h0\" else %zu)\n",
            structure->layers[0].projection, structure->layers[0].hidden);
    else
        say(page, "        zero = torch.zeros(%zu)\n", structure->layers[0].hidden);
    say(page, "        states = [getattr(self.rnn, name, zero) for name in names]\n"
              "        return torch.stack(states)[:, None].repeat(1, rows, 1)\n");
}

/* One vector a row, from what the last layer handed on. */
static void say_pooling(Page *page, const elman_model *model) {
    switch (model->structure.output) {
    case ELMAN_OUTPUT_LAST_STEP:
        say(page, "        last = %s\n", is_lstm(model) ? "state[0]" : "state");
        say(page, "        x = %s\n",
            structure_directions(&model->structure, 0) == 2
                ? "torch.cat([last[-2], last[-1]], dim=-1)"
                : "last[-1]");
        break;
    case ELMAN_OUTPUT_MEAN:
        say(page, "        x = x.sum(0) / lengths[:, None].to(x.device)\n");
        break;
    case ELMAN_OUTPUT_MAX:
        say(page, "        behind = torch.arange(steps)[:, None] >= lengths\n"
                  "        x = x.masked_fill(behind[:, :, None].to(x.device), -torch.inf)\n"
                  "        x = x.max(0).values\n");
        break;
    default:
        break;
    }
}

static void say_forward(Page *page, const elman_model *model) {
    const Structure *const structure = &model->structure;
    say(page, "\n    def forward(self, inputs, lengths=None, state=None):\n"
              "        \"\"\"Returns the outputs and the state after each row's last step.\n\n"
              "        lengths [rows] on the CPU, each at least 1: the steps that count; None: all."
              "\n        \"\"\"\n");
    if (structure->input == ELMAN_INPUT_EMBEDDING)
        say(page, "        x = self.embedding(inputs)\n");
    else if (structure->input == ELMAN_INPUT_ONE_HOT)
        say(page, "        x = nn.functional.one_hot(inputs, %zu).to(torch.float32)\n",
            structure->input_size);
    else
        say(page, "        x = inputs\n");
    say(page, "        steps, rows = x.shape[:2]\n"
              "        if lengths is None:\n"
              "            lengths = torch.full((rows,), steps)\n");
    if (learns_state(model))
        say(page, "        if state is None:\n            state = %s\n",
            is_lstm(model) ? "(self.start(\"h0\", rows), self.start(\"c0\", rows))"
                           : "self.start(\"h0\", rows)");
    say(page, "        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)\n"
              "        packed, state = self.rnn(packed, state)\n"
              "        x, _ = pad_packed_sequence(packed, total_length=steps)\n");
    say_pooling(page, model);
    if (outer_dropout(model) > 0.0) say(page, "        x = self.dropout(x)\n");
    say(page, "        return %s, state\n", structure->has_head ? "self.head(x)" : "x");
}

elman_status pytorch_write_code(const elman_model *model, const char *path, const char *extension,
                                elman_error *error) {
    Page page = open_page(model, path, error);
    say(&page, "\"\"\"A network with nn.%s, written by `elman convert`.\n\n", module_name(model));
    say_shapes(&page, model);
    say(&page, "\"\"\"\nfrom pathlib import Path\n\nimport torch\n"
               "from safetensors.torch import load_file\nfrom torch import nn\n"
               "from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence\n\n\n"
               "class Model(nn.Module):\n");
    say_constructor(&page, model);
    if (learns_state(model)) say_start(&page, model);
    say_forward(&page, model);
    say(&page,
        "\n\ndef load(path=Path(__file__).with_suffix(\"%s\")):\n"
        "    \"\"\"The trained network, ready to be run.\"\"\"\n"
        "    model = Model()\n"
        "    model.load_state_dict(load_file(path))\n"
        "    return model.eval()\n",
        extension);
    return close_page(&page);
}

elman_status pytorch_write_config(const elman_model *model, const char *path, elman_error *error) {
    static const char *const inputs[] = {"dense", "one-hot", "embedding"};
    static const char *const outputs[] = {"every-step", "last-step", "mean", "max"};
    const Structure *const structure = &model->structure;
    const elman_cell_options *const first = structure->layers;
    Page page = open_page(model, path, error);
    say(&page, "{\n  \"architectures\": [\"Model\"],\n  \"module\": \"nn.%s\",\n",
        module_name(model));
    if (first->cell == ELMAN_CELL_RNN || first->cell == ELMAN_CELL_RNN_RELU)
        say(&page, "  \"nonlinearity\": \"%s\",\n",
            first->cell == ELMAN_CELL_RNN ? "tanh" : "relu");
    say(&page, "  \"input\": \"%s\",\n  \"input_size\": %zu,\n", inputs[structure->input],
        structure->input_size);
    if (structure->embedding) say(&page, "  \"embedding_size\": %zu,\n", structure->embedding);
    say(&page, "  \"hidden_size\": %zu,\n  \"num_layers\": %zu,\n  \"bidirectional\": %s,\n",
        first->hidden, structure->layer_count,
        structure_directions(structure, 0) == 2 ? "true" : "false");
    if (first->projection) say(&page, "  \"proj_size\": %zu,\n", first->projection);
    say(&page, "  \"bias\": %s,\n  \"dropout\": %g,\n  \"head\": %s,\n",
        first->no_bias ? "false" : "true", inner_dropout(model),
        structure->has_head ? "true" : "false");
    say(&page,
        "  \"output\": \"%s\",\n  \"output_size\": %zu,\n  \"torch_dtype\": \"float32\"\n}\n",
        outputs[structure->output], structure_outputs(structure));
    return close_page(&page);
}

elman_status pytorch_write_card(const elman_model *model, const elman_conversion_summary *proof,
                                const char *path, elman_error *error) {
    const Structure *const structure = &model->structure;
    Page page = open_page(model, path, error);
    size_t parameters = 0;
    (void)structure_parameters(structure, &parameters);
    say(&page, "---\nlibrary_name: pytorch\ntags:\n- recurrent\n- %s\n- elman\n---\n\n",
        is_lstm(model)                                ? "lstm"
        : structure->layers[0].cell == ELMAN_CELL_GRU ? "gru"
                                                      : "rnn");
    say(&page, "# A recurrent network\n\n| | |\n|---|---|\n| module | nn.%s |\n",
        module_name(model));
    say(&page, "| layers | %zu%s |\n| hidden units | %zu |\n| parameters | %zu |\n",
        structure->layer_count,
        structure_directions(structure, 0) == 2 ? ", in both directions" : "",
        structure->layers[0].hidden, parameters);
    if (structure->layers[0].projection)
        say(&page, "| projected to | %zu |\n", structure->layers[0].projection);
    say(&page, "\nArrays are time-first:\n\n```\n");
    say_shapes(&page, model);
    say(&page, "```\n\n## Use\n\n```python\nfrom model import load\n\n"
               "outputs, state = load()(inputs)\n```\n\n");
    say(&page,
        "## Conversion\n\nWritten by `elman convert`. %zu random rows of at most %zu steps through "
        "both sides differ by at\nmost %.2g (relative where a number is above 1).\n",
        proof->rows, proof->steps, proof->largest);
    return close_page(&page);
}
