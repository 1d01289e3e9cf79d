// oneDNN (release 2, its C++ interface) as a contender of compare.py.
#include "contender.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <dnnl.hpp>
#include <omp.h>

namespace {

using namespace dnnl;
using Tag = memory::format_tag;
using Arguments = std::unordered_map<int, memory>;

enum { CHECK_STEPS = 3 };

engine &cpu() {
    static engine one(engine::kind::cpu, 0);
    return one;
}

stream &queue() {
    static stream one(cpu());
    return one;
}

// ---- Arrays ----

memory::desc describe(const std::vector<size_t> &sizes, Tag tag) {
    return {memory::dims(sizes.begin(), sizes.end()), memory::data_type::f32, tag};
}

float *data_of(const memory &m) {
    return static_cast<float *>(m.get_data_handle());
}

size_t count_of(const memory &m) {
    return m.get_desc().get_size() / sizeof(float);
}

void clear(const memory &m) {
    std::memset(data_of(m), 0, m.get_desc().get_size());
}

memory zeros(const memory::desc &desc) {
    memory m(desc, cpu());
    clear(m);
    return m;
}

std::vector<float> numbers(const char *name, size_t count, double scale) {
    float *array = contender_numbers(name, count, scale);
    const std::vector<float> values(array, array + count);
    std::free(array);
    return values;
}

memory filled(const memory::desc &desc, const char *name) {
    memory m(desc, cpu());
    const std::vector<float> values = numbers(name, count_of(m), 1.0);
    std::memcpy(data_of(m), values.data(), values.size() * sizeof(float));
    return m;
}

void print(const char *name, const memory &m) {
    contender_print(name, data_of(m), count_of(m));
}

// ---- Weights: PyTorch's [G*H][I] and oneDNN's [I][G][H] ----

// Where PyTorch has the gate that oneDNN has at `gate`: oneDNN's GRU begins with z, not r.
size_t torch_gate(const Point &point, size_t gate) {
    return contender_gates(&point) == 3 && gate < 2 ? 1 - gate : gate;
}

// Where PyTorch has the weight that oneDNN has at `index`.
size_t torch_index(const Point &point, size_t index, size_t inputs) {
    const size_t unit = index % point.hidden, rest = index / point.hidden;
    const size_t gates = contender_gates(&point), input = rest / gates;
    return (torch_gate(point, rest % gates) * point.hidden + unit) * inputs + input;
}

memory weights(const Point &point, const char *name, size_t inputs) {
    const size_t gates = contender_gates(&point);
    memory m(describe({1, 1, inputs, gates, point.hidden}, Tag::ldigo), cpu());
    const std::vector<float> values = numbers(name, count_of(m), contender_scale(&point));
    for (size_t i = 0; i < values.size(); i++)
        data_of(m)[i] = values[torch_index(point, i, inputs)];
    return m;
}

// Both of PyTorch's biases in one; a GRU's second bias of n stays by itself, as a fourth.
memory biases(const Point &point) {
    const size_t gates = contender_gates(&point), hidden = point.hidden;
    const std::vector<float> ih =
        numbers("rnn.bias_ih_l0", gates * hidden, contender_scale(&point));
    const std::vector<float> hh =
        numbers("rnn.bias_hh_l0", gates * hidden, contender_scale(&point));
    memory m(describe({1, 1, gates + (gates == 3), hidden}, Tag::ldgo), cpu());
    for (size_t i = 0; i < gates * hidden; i++) {
        const size_t gate = i / hidden, from = torch_gate(point, gate) * hidden + i % hidden;
        const bool apart = gates == 3 && gate == 2;
        data_of(m)[i] = ih[from] + (apart ? 0 : hh[from]);
        if (apart) data_of(m)[i + hidden] = hh[from];
    }
    return m;
}

void print_weights(const Point &point, const char *name, const memory &m, size_t inputs) {
    memory plain =
        zeros(describe({1, 1, inputs, contender_gates(&point), point.hidden}, Tag::ldigo));
    memory source = m;
    reorder(source, plain).execute(queue(), source, plain);
    queue().wait();
    std::vector<float> values(count_of(plain));
    for (size_t i = 0; i < values.size(); i++)
        values[torch_index(point, i, inputs)] = data_of(plain)[i];
    contender_print(name, values.data(), values.size());
}

// ---- Cells ----

// The descriptors of a cell's arguments. Inference of a sequence has no states. Training has them,
// though they are zeros: without an initial state, release 2.6.3 gives wrong gradients of the
// recurrent weights of LSTMs and RNNs.
struct Shapes {
    memory::desc x, h, c, weights_layer, weights_iter, bias, y;
};

Shapes shapes_of(const Point &point, Tag tag) {
    const size_t steps = point.steps, batch = point.batch, hidden = point.hidden;
    const size_t gates = contender_gates(&point);
    const bool stateful = std::strcmp(point.mode, "infer") != 0;
    const memory::desc state =
        stateful ? describe({1, 1, batch, hidden}, Tag::ldnc) : memory::desc();
    return {describe({steps, batch, point.input}, Tag::tnc),
            state,
            state,
            describe({1, 1, point.input, gates, hidden}, tag),
            describe({1, 1, hidden, gates, hidden}, tag),
            describe({1, 1, gates + (gates == 3), hidden}, Tag::ldgo),
            describe({steps, batch, hidden}, Tag::tnc)};
}

// The primitives of a cell; there is no backward one for inference.
struct Passes {
    rnn_primitive_desc_base forward, backward;
};

Passes lstm(prop_kind kind, const Shapes &s) {
    const auto to_right = rnn_direction::unidirectional_left2right;
    const lstm_forward::primitive_desc forward(
        {kind, to_right, s.x, s.h, s.c, s.weights_layer, s.weights_iter, s.bias, s.y, s.h, s.c},
        cpu());
    if (kind == prop_kind::forward_inference) return {forward, {}};
    const lstm_backward::primitive_desc backward({prop_kind::backward,
                                                  to_right,
                                                  s.x,
                                                  s.h,
                                                  s.c,
                                                  s.weights_layer,
                                                  s.weights_iter,
                                                  s.bias,
                                                  s.y,
                                                  s.h,
                                                  s.c,
                                                  s.x,
                                                  s.h,
                                                  s.c,
                                                  s.weights_layer,
                                                  s.weights_iter,
                                                  s.bias,
                                                  s.y,
                                                  s.h,
                                                  s.c},
                                                 cpu(), forward);
    return {forward, backward};
}

Passes gru(prop_kind kind, const Shapes &s) {
    const auto to_right = rnn_direction::unidirectional_left2right;
    const lbr_gru_forward::primitive_desc forward(
        {kind, to_right, s.x, s.h, s.weights_layer, s.weights_iter, s.bias, s.y, s.h}, cpu());
    if (kind == prop_kind::forward_inference) return {forward, {}};
    const lbr_gru_backward::primitive_desc backward(
        {prop_kind::backward, to_right, s.x, s.h, s.weights_layer, s.weights_iter, s.bias, s.y, s.h,
         s.x, s.h, s.weights_layer, s.weights_iter, s.bias, s.y, s.h},
        cpu(), forward);
    return {forward, backward};
}

Passes rnn(prop_kind kind, const Shapes &s) {
    const auto to_right = rnn_direction::unidirectional_left2right;
    const auto tanh = algorithm::eltwise_tanh;
    const vanilla_rnn_forward::primitive_desc forward(
        {kind, tanh, to_right, s.x, s.h, s.weights_layer, s.weights_iter, s.bias, s.y, s.h}, cpu());
    if (kind == prop_kind::forward_inference) return {forward, {}};
    const vanilla_rnn_backward::primitive_desc backward(
        {prop_kind::backward, tanh, to_right, s.x, s.h, s.weights_layer, s.weights_iter, s.bias,
         s.y, s.h, s.x, s.h, s.weights_layer, s.weights_iter, s.bias, s.y, s.h},
        cpu(), forward);
    return {forward, backward};
}

Passes passes_of(const Point &point, prop_kind kind, const Shapes &shapes) {
    switch (contender_gates(&point)) {
    case 4:
        return lstm(kind, shapes);
    case 3:
        return gru(kind, shapes);
    default:
        return rnn(kind, shapes);
    }
}

// ---- One way to compute a point ----

class Way {
  public:
    Way(const Point &point, std::string name, prop_kind kind, Tag tag);
    void call();
    void check();
    const std::string name;

  private:
    struct Repack {
        reorder primitive;
        memory from, to;
    };

    memory packed(const memory &plain, const memory::desc &wanted);
    void repack();
    void bind_forward(const rnn_primitive_desc_base &pass);
    void bind_states(const memory::desc &state);
    void bind_backward(const rnn_primitive_desc_base &pass, const rnn_primitive_desc_base &first);

    const Point point;
    const bool training;
    memory weights_layer, weights_iter; // ldigo
    std::vector<Repack> repacks;
    primitive forward, backward;
    Arguments arguments, backward_arguments;
    Arguments next_arguments; // of every second streaming step: the states have changed places
};

Way::Way(const Point &which, std::string called, prop_kind kind, Tag tag)
    : name(std::move(called)), point(which), training(std::strcmp(which.mode, "train") == 0),
      weights_layer(weights(point, "rnn.weight_ih_l0", point.input)),
      weights_iter(weights(point, "rnn.weight_hh_l0", point.hidden)) {
    const Shapes shapes = shapes_of(point, tag);
    const Passes passes = passes_of(point, kind, shapes);
    bind_forward(passes.forward);
    if (!shapes.h.is_zero()) bind_states(shapes.h);
    if (training) bind_backward(passes.backward, passes.forward);
    repack();
}

// The memory that holds these weights in the layout that a pass wants.
memory Way::packed(const memory &plain, const memory::desc &wanted) {
    if (plain.get_desc() == wanted) return plain;
    memory to(wanted, cpu());
    repacks.push_back({reorder(plain, to), plain, to});
    return to;
}

void Way::repack() {
    for (Repack &each : repacks) each.primitive.execute(queue(), each.from, each.to);
    queue().wait();
}

void Way::bind_forward(const rnn_primitive_desc_base &pass) {
    forward = primitive(pass);
    arguments = {{DNNL_ARG_SRC_LAYER, filled(pass.src_layer_desc(), "x")},
                 {DNNL_ARG_WEIGHTS_LAYER, packed(weights_layer, pass.weights_layer_desc())},
                 {DNNL_ARG_WEIGHTS_ITER, packed(weights_iter, pass.weights_iter_desc())},
                 {DNNL_ARG_BIAS, biases(point)},
                 {DNNL_ARG_DST_LAYER, zeros(pass.dst_layer_desc())}};
    if (!pass.workspace_desc().is_zero())
        arguments[DNNL_ARG_WORKSPACE] = zeros(pass.workspace_desc());
    next_arguments = arguments;
}

void Way::bind_states(const memory::desc &state) {
    const std::pair<int, int> places[] = {{DNNL_ARG_SRC_ITER, DNNL_ARG_DST_ITER},
                                          {DNNL_ARG_SRC_ITER_C, DNNL_ARG_DST_ITER_C}};
    for (size_t i = 0; i < (contender_gates(&point) == 4 ? 2 : 1); i++) {
        const memory one = zeros(state), other = zeros(state);
        arguments[places[i].first] = next_arguments[places[i].second] = one;
        arguments[places[i].second] = next_arguments[places[i].first] = other;
    }
}

void Way::bind_backward(const rnn_primitive_desc_base &pass, const rnn_primitive_desc_base &first) {
    backward = primitive(pass);
    backward_arguments = arguments;
    backward_arguments[DNNL_ARG_WEIGHTS_LAYER] = packed(weights_layer, pass.weights_layer_desc());
    backward_arguments[DNNL_ARG_WEIGHTS_ITER] = packed(weights_iter, pass.weights_iter_desc());
    backward_arguments[DNNL_ARG_DIFF_DST_LAYER] = filled(first.dst_layer_desc(), "dy");
    backward_arguments[DNNL_ARG_DIFF_SRC_LAYER] = zeros(pass.diff_src_layer_desc());
    backward_arguments[DNNL_ARG_DIFF_WEIGHTS_LAYER] = zeros(pass.diff_weights_layer_desc());
    backward_arguments[DNNL_ARG_DIFF_WEIGHTS_ITER] = zeros(pass.diff_weights_iter_desc());
    backward_arguments[DNNL_ARG_DIFF_SRC_ITER] = zeros(pass.diff_src_iter_desc());
    backward_arguments[DNNL_ARG_DIFF_DST_ITER] = zeros(pass.diff_dst_iter_desc());
    backward_arguments[DNNL_ARG_DIFF_SRC_ITER_C] = zeros(pass.diff_src_iter_c_desc());
    backward_arguments[DNNL_ARG_DIFF_DST_ITER_C] = zeros(pass.diff_dst_iter_c_desc());
    backward_arguments[DNNL_ARG_DIFF_BIAS] = zeros(pass.diff_bias_desc());
}

void Way::call() {
    if (training) repack();
    forward.execute(queue(), arguments);
    if (training) { // the primitive adds to the gradients of the weights
        clear(backward_arguments.at(DNNL_ARG_DIFF_WEIGHTS_LAYER));
        clear(backward_arguments.at(DNNL_ARG_DIFF_WEIGHTS_ITER));
        clear(backward_arguments.at(DNNL_ARG_DIFF_BIAS));
        backward.execute(queue(), backward_arguments);
    }
    queue().wait();
    if (!training) std::swap(arguments, next_arguments);
}

void Way::check() {
    const bool stateful = std::strcmp(point.mode, "step") == 0;
    for (size_t i = 0; i < (stateful ? CHECK_STEPS : 1); i++) call();
    contender_print_variant(name.c_str());
    print("y", arguments.at(DNNL_ARG_DST_LAYER));
    if (!training) return;
    print("dx", backward_arguments.at(DNNL_ARG_DIFF_SRC_LAYER));
    print_weights(point, "rnn.weight_ih_l0", backward_arguments.at(DNNL_ARG_DIFF_WEIGHTS_LAYER),
                  point.input);
    print_weights(point, "rnn.weight_hh_l0", backward_arguments.at(DNNL_ARG_DIFF_WEIGHTS_ITER),
                  point.hidden);
}

// ---- The contender ----

Point current;
std::unique_ptr<Way> fastest;

void call(size_t times) {
    for (size_t i = 0; i < times; i++) fastest->call();
}

std::vector<std::unique_ptr<Way>> ways_of(const Point &point) {
    std::vector<std::unique_ptr<Way>> ways;
    const auto add = [&](const char *name, prop_kind kind, Tag tag) {
        ways.push_back(std::make_unique<Way>(point, name, kind, tag));
    };
    if (std::strcmp(point.mode, "train") != 0) {
        add("inference, packed", prop_kind::forward_inference, Tag::any);
        add("inference, plain", prop_kind::forward_inference, Tag::ldigo);
    }
    add("training", prop_kind::forward_training, Tag::any);
    return ways;
}

const char *prepare(const Point *point, const char **variant) {
    fastest.reset();
    if (point->outputs) return "no head, loss or optimiser";
    double least = 0;
    std::unique_ptr<Way> best;
    for (std::unique_ptr<Way> &way : ways_of(*point)) {
        fastest = std::move(way);
        const double seconds = contender_trial(call);
        if (!best || seconds < least) {
            least = seconds;
            best = std::move(fastest);
        }
    }
    fastest = std::move(best);
    *variant = fastest->name.c_str();
    current = *point;
    return nullptr;
}

void check() {
    for (std::unique_ptr<Way> &way : ways_of(current)) way->check();
}

} // namespace

int main(int argc, char **argv) {
    omp_set_num_threads(static_cast<int>(contender_threads(argc, argv)));
    const dnnl_version_t *version = dnnl_version();
    const std::string release = std::to_string(version->major) + "." +
                                std::to_string(version->minor) + "." +
                                std::to_string(version->patch);
    const Contender contender = {"oneDNN", release.c_str(), prepare, call, check};
    try {
        contender_serve(&contender);
        fastest.reset();
    } catch (const error &problem) {
        contender_fail("oneDNN", problem.what());
    }
    return EXIT_SUCCESS;
}
