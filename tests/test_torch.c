/* The reader of torch.save's files: what PyTorch wrote, each reason for refusal, files cut and
 * changed anywhere. tests/convert/torch_save.py made them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/files.h"
#include "formats/torch.h"
#include "support/allocator.h"

#define FOLDER ELMAN_SOURCE_DIR "/tests/data/torch/"

static Memory plain_memory(void) {
    Memory memory;
    memory_init(&memory, NULL);
    return memory;
}

static TorchFile *open_file(Memory *memory, const char *path) {
    TorchFile *file = NULL;
    elman_error error = {0};
    if (torch_open(memory, path, &file, &error)) fail_msg("%s", error.message);
    return file;
}

static const SafetensorsTensor *find(const TorchFile *file, const char *before, const char *name) {
    const size_t length = strlen(before);
    for (size_t i = 0; i < file->count; i++)
        if (strncmp(file->tensors[i].name, before, length) == 0 &&
            strcmp(file->tensors[i].name + length, name) == 0)
            return &file->tensors[i];
    fail_msg("%s%s is missing", before, name);
    return NULL;
}

/* The same tensors as PyTorch's own safetensors file has. */
static void what_pytorch_wrote(void **state) {
    static const struct {
        const char *path, *before;
    } cases[] = {
        {FOLDER "gru.pt", ""}, {FOLDER "parameters.pt", ""}, {FOLDER "nested.pt", "model."}};
    Memory memory = plain_memory();
    SafetensorsFile *want = NULL;
    (void)state;
    assert_int_equal(safetensors_open(&memory, FOLDER "gru.safetensors", &want, NULL), ELMAN_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TorchFile *const file = open_file(&memory, cases[i].path);
        assert_int_equal(file->count, safetensors_count(want));
        for (size_t k = 0; k < file->count; k++) {
            SafetensorsTensor tensor;
            safetensors_at(want, k, &tensor);
            const SafetensorsTensor *const got = find(file, cases[i].before, tensor.name);
            assert_int_equal(got->type, tensor.type);
            assert_int_equal(got->rank, tensor.rank);
            assert_memory_equal(got->shape, tensor.shape, sizeof tensor.shape);
            assert_int_equal(got->bytes, tensor.bytes);
            assert_memory_equal(got->data, tensor.data, tensor.bytes);
        }
        torch_close(file);
    }
    safetensors_close(want);
}

/* A training's checkpoint: the optimizer's tensors stand under numbers. */
static void numbered_keys(void **state) {
    (void)state;
    Memory memory = plain_memory();
    TorchFile *const file = open_file(&memory, FOLDER "checkpoint.pt");
    assert_int_equal(file->count, 8 + 8 * 3);
    assert_int_equal(find(file, "model.", "weight_hh_l0")->shape[0], 9);
    assert_int_equal(find(file, "optimizer.state.7.", "exp_avg")->shape[0], 9);
    assert_int_equal(find(file, "optimizer.state.0.", "exp_avg_sq")->shape[1], 2);
    torch_close(file);
}

static void types(void **state) {
    static const struct {
        const char *path;
        SafetensorsType type;
    } cases[] = {{FOLDER "half.pt", SAFETENSORS_F16},
                 {FOLDER "bfloat16.pt", SAFETENSORS_BF16},
                 {FOLDER "double.pt", SAFETENSORS_F64}};
    Memory memory = plain_memory();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TorchFile *const file = open_file(&memory, cases[i].path);
        for (size_t k = 0; k < file->count; k++)
            assert_int_equal(file->tensors[k].type, cases[i].type);
        torch_close(file);
    }
}

static void refused_files(void **state) {
    static const struct {
        const char *path, *sentence;
    } cases[] = {
        {FOLDER "refused-module.pt", "names torch.nn.modules.rnn.GRU"},
        {FOLDER "refused-path.pt", "names pathlib."},
        {FOLDER "refused-list.pt", "is no dictionary of tensors"},
        {FOLDER "refused-strides.pt", "weight_ih_l0: its numbers are not one behind the other"},
        {FOLDER "gru.safetensors", "is no whole zip archive"},
    };
    Memory memory = plain_memory();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TorchFile *file = NULL;
        elman_error error = {0};
        const elman_status status = torch_open(&memory, cases[i].path, &file, &error);
        if ((status != ELMAN_ERR_UNSUPPORTED && status != ELMAN_ERR_FORMAT) ||
            !strstr(error.message, cases[i].sentence))
            fail_msg("%s: status %d, %s", cases[i].path, (int)status, error.message);
        assert_null(file);
    }
}

/* ---- Pickles ---- */

static const char *const some_globals[] = {"collections OrderedDict", "a b", NULL};

static void pickles(void **state) {
    static const struct {
        const char *bytes;
        size_t size;
        const char *sentence; /* NULL: it is read */
    } cases[] = {
#define PICKLE(text) text, sizeof text - 1
        {PICKLE("\x80\x02K\x05."), NULL},
        {PICKLE("\x80\x02]q\x00(K\x01K\x02"
                "eh\x00\x86."),
         NULL},
        {PICKLE("ca\nb\n)R."), NULL},
        {PICKLE("\x8a\x01\xff."), NULL},
        {PICKLE("}K\x01K\x02s."), NULL},
        {PICKLE("cos\nsystem\n)R."), "names os.system"},
        {PICKLE("\x8c\x02os\x8c\x06system\x93)R."), "names os.system"},
        {PICKLE("i"), "opcode 0x69"},
        {PICKLE("\x80\x06N."), "a protocol above 5"},
        {PICKLE(""), "it has no end"},
        {PICKLE("."), "the stack is empty"},
        {PICKLE("NN."), "more than one value is left"},
        {PICKLE("N\x86."), "a tuple has fewer values"},
        {PICKLE("(."), "the stack is empty"},
        {PICKLE("t."), "there is no mark"},
        {PICKLE("N(Nu."), "are added to what cannot hold them"},
        {PICKLE("}(Nu."), "are added to what cannot hold them"},
        {PICKLE("NNNs."), "a value is added to what cannot hold it"},
        {PICKLE("K\x01)R."), "something else than a name is called"},
        {PICKLE("ccollections\nOrderedDict\nN\x85R."), "is made from values"},
        {PICKLE("h\x00."), "a memo that was not put"},
        {PICKLE("Nr\xff\xff\xff\x7f."), "a memo out of place"},
        {PICKLE("X\xff\xff\x00\x00"
                "ab."),
         "longer than the file"},
        {PICKLE("J\x01"), "in the middle of an opcode"},
        {PICKLE("ca\n"), "a name without an end"},
        {PICKLE("\x8a\x09."), "more than 8 bytes"},
#undef PICKLE
    };
    Memory memory = plain_memory();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Pickle pickle;
        elman_error error = {0};
        const elman_status status = pickle_read(&memory, "x", (const unsigned char *)cases[i].bytes,
                                                cases[i].size, some_globals, &pickle, &error);
        if (cases[i].sentence ? !status || !strstr(error.message, cases[i].sentence)
                              : status != ELMAN_OK)
            fail_msg("case %zu: status %d, %s", i, (int)status, error.message);
        pickle_release(&pickle);
    }
}

/* ---- Files that are not whole ---- */

/* Reads changed bytes, in a block of their exact size; whatever comes, nothing breaks. */
static elman_status try_bytes(const unsigned char *bytes, size_t size) {
    Memory memory = plain_memory();
    TorchFile *file = NULL;
    elman_error error = {0};
    unsigned char *const exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    const elman_status status = torch_parse(&memory, "x", exact, size, &file, &error);
    assert_true(status == ELMAN_OK || strncmp(error.message, "x: ", 3) == 0);
    torch_close(file);
    free(exact);
    return status;
}

static void cut_and_changed(void **state) {
    Memory memory = plain_memory();
    unsigned char *bytes = NULL;
    size_t size, refused = 0;
    (void)state;
    assert_int_equal(file_read(&memory, FOLDER "gru.pt", SIZE_MAX, &bytes, &size, NULL), ELMAN_OK);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(try_bytes(bytes, cut), ELMAN_ERR_FORMAT);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 0x81;
        if (try_bytes(bytes, size)) refused++;
        bytes[i] ^= 0x81;
    }
    /* Padding, times and the like may change; numbers and names have checksums. */
    assert_in_range(refused, size / 3, size);
    memory_release(&memory, bytes);
}

static void every_allocation_fails_once(void **state) {
    elman_status status = ELMAN_ERR_MEMORY;
    (void)state;
    for (long allow = 0; status; allow++) {
        CountingAllocator counting = {.allow = allow};
        const elman_allocator allocator = counting_allocator(&counting);
        Memory memory;
        TorchFile *file = NULL;
        memory_init(&memory, &allocator);
        status = torch_open(&memory, FOLDER "nested.pt", &file, NULL);
        if (status && status != ELMAN_ERR_MEMORY) fail_msg("%ld: status %d", allow, (int)status);
        torch_close(file);
        if (counting.live) fail_msg("%ld: %ld blocks leaked", allow, counting.live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_pytorch_wrote),
        cmocka_unit_test(numbered_keys),
        cmocka_unit_test(types),
        cmocka_unit_test(refused_files),
        cmocka_unit_test(pickles),
        cmocka_unit_test(cut_and_changed),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
