/* Reads a forecaster back from a model. Nothing in the file is trusted: every count is checked
 * against the tensors that are there before anything is allocated for it. */
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "core/fail.h"
#include "core/size.h"
#include "forecast/calibrate.h"
#include "forecast/forecaster_fit.h"
#include "forecast/predict.h"
#include "forecast/store.h"
#include "forecast/window.h"
#include "model/encoder_read.h"
#include "model/metadata.h"
#include "model/model.h"

enum { STEPS_MAX = FORECASTER_STEPS_MAX, COUNT_MAX = 1 << 24 };

/* One description that is being read. */
typedef struct Reader {
    EncoderReader in;
    elman_forecaster *forecaster;
} Reader;

/* A list of ascending numbers from `least` on; returns how many. */
static size_t read_sizes(Reader *reader, const char *key, size_t least, size_t *sizes,
                         size_t most) {
    const json_t *list = json_object_get(reader->in.object, key);
    const size_t count = json_array_size(list);
    bool sound = json_is_array(list) && count <= most;
    for (size_t i = 0; sound && i < count; i++) {
        const json_t *value = json_array_get(list, i);
        const json_int_t number = json_integer_value(value);
        sound = json_is_integer(value) && number >= (json_int_t)least && number <= STEPS_MAX &&
                (i == 0 || (size_t)number > sizes[i - 1]);
        if (sound) sizes[i] = (size_t)number;
    }
    if (!sound) encoder_refuse(&reader->in, key);
    return sound ? count : 0;
}

static void read_reading(Reader *reader) {
    elman_forecaster *f = reader->forecaster;
    const json_t *root = reader->in.object;
    const char *losses[ELMAN_LOSS_NEGATIVE_BINOMIAL + 1] = {NULL};
    for (int kind = ELMAN_LOSS_MSE; kind <= ELMAN_LOSS_NEGATIVE_BINOMIAL; kind++)
        losses[kind] = elman_loss_name((elman_loss_kind)kind);
    reader->in.object = json_object_get(root, "reads");
    f->horizon = encoder_read_count(&reader->in, "horizon", 1, STEPS_MAX);
    f->steps_before = encoder_read_count(&reader->in, "context", 1, STEPS_MAX);
    f->season_count = read_sizes(reader, "seasons", 2, f->seasons, ELMAN_SEASONS_MAX);
    f->season = encoder_read_count(&reader->in, "season", 1, STEPS_MAX);
    f->base_season = encoder_read_count(&reader->in, "base_season", 1, STEPS_MAX);
    f->lag_count = read_sizes(reader, "lags", 1, f->lags, ELMAN_LAGS_MAX);
    f->recursive = encoder_read_flag(&reader->in, "recursive");
    f->calendar = encoder_read_flag(&reader->in, "calendar");
    f->changes = encoder_read_flag(&reader->in, "changes");
    f->base = (elman_base)encoder_read_name(&reader->in, "base", store_bases, STORE_BASES);
    f->loss = (elman_loss_kind)encoder_read_name(&reader->in, "loss", losses,
                                                 ELMAN_LOSS_NEGATIVE_BINOMIAL + 1);
    /* As elman_forecaster_create refuses them. */
    if (f->base == ELMAN_BASE_AUTO || (f->recursive && f->base == ELMAN_BASE_SMOOTH) ||
        (f->loss == ELMAN_LOSS_NEGATIVE_BINOMIAL && f->base != ELMAN_BASE_NONE))
        encoder_refuse(&reader->in, "base");
    if (f->recursive && f->loss == ELMAN_LOSS_QUANTILE) encoder_refuse(&reader->in, "loss");
    reader->in.object = root;
}

static void read_quantiles(Reader *reader) {
    elman_forecaster *f = reader->forecaster;
    const json_t *list = json_object_get(reader->in.object, "quantiles");
    const size_t count = json_array_size(list);
    bool sound = json_is_array(list) && count <= ELMAN_LOSS_QUANTILES_MAX &&
                 (count > 0) == (f->loss == ELMAN_LOSS_QUANTILE);
    for (size_t i = 0; sound && i < count; i++) {
        f->quantiles[i] = json_number_value(json_array_get(list, i));
        sound = f->quantiles[i] > (i > 0 ? f->quantiles[i - 1] : 0.0) && f->quantiles[i] < 1.0;
    }
    if (!sound) encoder_refuse(&reader->in, "quantiles");
    f->quantile_count = sound ? count : 0;
}

static void read_covariates(Reader *reader, const char *key, Covariate **covariates,
                            size_t *count) {
    Memory *memory = &reader->forecaster->context->memory;
    const json_t *list = json_object_get(reader->in.object, key);
    const size_t names = json_array_size(list);
    if (!json_is_array(list)) encoder_refuse(&reader->in, key);
    if (reader->in.status != ELMAN_OK) return;
    *covariates = memory_allocate_array(memory, names, sizeof(Covariate));
    if (*covariates == NULL) encoder_refuse_memory(&reader->in);
    for (size_t i = 0; i < names && reader->in.status == ELMAN_OK; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name == NULL) encoder_refuse(&reader->in, key);
        if (name == NULL) return;
        (*covariates)[i].name = memory_copy_string(memory, name);
        if ((*covariates)[i].name == NULL) encoder_refuse_memory(&reader->in);
        if ((*covariates)[i].name != NULL) *count = i + 1;
    }
}

/* A tensor of the encoder: of that type, of `count` numbers; false, refused, when it is not. */
static bool find_tensor(Reader *reader, const char *name, SafetensorsType type, size_t count,
                        SafetensorsTensor *tensor) {
    size_t bytes;
    if (reader->in.status != ELMAN_OK) return false;
    if (encoder_tensor(reader->in.model, name, tensor) && tensor->type == type &&
        size_mul(count, safetensors_type_size(type), &bytes) && tensor->bytes == bytes)
        return true;
    encoder_refuse(&reader->in, name);
    return false;
}

/* Texts with a zero byte behind each. */
typedef struct Texts {
    const char *at, *end;
} Texts;

static Texts find_texts(Reader *reader, const char *name, bool expected) {
    SafetensorsTensor tensor;
    const bool found = encoder_tensor(reader->in.model, name, &tensor);
    if (!found || tensor.type != SAFETENSORS_U8 || tensor.bytes == 0) {
        if (found || expected) encoder_refuse(&reader->in, name);
        return (Texts){"", ""};
    }
    const char *begin = tensor.data;
    if (begin[tensor.bytes - 1] != '\0') {
        encoder_refuse(&reader->in, name);
        return (Texts){"", ""};
    }
    return (Texts){begin, begin + tensor.bytes};
}

/* The next text, or NULL behind the last. */
static const char *next_text(Texts *texts) {
    if (texts->at == texts->end) return NULL;
    const char *text = texts->at;
    texts->at += strlen(text) + 1;
    return text;
}

static void read_levels(Reader *reader, StaticColumn *column, size_t words, Texts *texts) {
    Memory *memory = &reader->forecaster->context->memory;
    if (words == 0 || reader->in.status != ELMAN_OK) return;
    if (words > (size_t)(texts->end - texts->at)) {
        encoder_refuse(&reader->in, STORE_WORDS);
        return;
    }
    column->levels = memory_allocate_array(memory, words, sizeof(char *));
    if (column->levels == NULL) encoder_refuse_memory(&reader->in);
    for (size_t i = 0; i < words && reader->in.status == ELMAN_OK; i++) {
        const char *text = next_text(texts);
        if (text == NULL) encoder_refuse(&reader->in, STORE_WORDS);
        if (text == NULL) return;
        column->levels[i] = memory_copy_string(memory, text);
        if (column->levels[i] == NULL) encoder_refuse_memory(&reader->in);
        if (column->levels[i] != NULL) column->level_count = i + 1;
    }
}

static void read_statics(Reader *reader) {
    elman_forecaster *f = reader->forecaster;
    Memory *memory = &f->context->memory;
    const json_t *list = json_object_get(reader->in.object, "statics");
    const json_t *outer = reader->in.object;
    const size_t count = json_array_size(list);
    Texts words = find_texts(reader, STORE_WORDS, false);
    if (!json_is_array(list)) encoder_refuse(&reader->in, "statics");
    if (reader->in.status != ELMAN_OK) return;
    f->statics = memory_allocate_array(memory, count, sizeof(StaticColumn));
    f->static_standards = memory_allocate_array(memory, count, sizeof(Standard));
    if (f->statics == NULL || f->static_standards == NULL) encoder_refuse_memory(&reader->in);
    for (size_t i = 0; i < count && reader->in.status == ELMAN_OK; i++) {
        reader->in.object = json_array_get(list, i);
        f->static_count = i + 1;
        encoder_read_text(&reader->in, "name", &f->statics[i].name);
        if (f->statics[i].name == NULL) encoder_refuse(&reader->in, "name");
        read_levels(reader, &f->statics[i], encoder_read_count(&reader->in, "words", 0, COUNT_MAX),
                    &words);
    }
    reader->in.object = outer;
    if (words.at != words.end) encoder_refuse(&reader->in, STORE_WORDS);
}

static TimeForm read_form(Reader *reader) {
    enum { MARKS = TIME_FORM_SLASHES | TIME_FORM_BLANK | TIME_FORM_MINUTES | TIME_FORM_COMPACT };
    const size_t form = encoder_read_count(&reader->in, "times", 0, MARKS | TIME_FORM_KINDS);
    if ((form & TIME_FORM_KINDS) > TIME_FORM_QUARTER) encoder_refuse(&reader->in, "times");
    return (TimeForm)form;
}

static void read_data(Reader *reader) {
    elman_forecaster *f = reader->forecaster;
    const json_t *root = reader->in.object;
    reader->in.object = json_object_get(root, "data");
    encoder_read_text(&reader->in, "time", &f->time_name);
    encoder_read_text(&reader->in, "id", &f->id_name);
    encoder_read_text(&reader->in, "target", &f->target_name);
    f->wide = encoder_read_flag(&reader->in, "wide");
    f->missing =
        (elman_missing)encoder_read_name(&reader->in, "missing", store_missing, STORE_MISSING);
    f->form = read_form(reader);
    f->spacing.unit =
        (elman_time_unit)encoder_read_name(&reader->in, "unit", store_units, STORE_UNITS);
    f->spacing.step = (int64_t)encoder_read_count(&reader->in, "step", 1, INT32_MAX);
    f->spacing.day = (int32_t)encoder_read_count(&reader->in, "day", 0, 31);
    f->spacing.has_day = (int32_t)encoder_read_count(&reader->in, "has_day", 0, 1);
    read_covariates(reader, "known", &f->known, &f->known_count);
    read_covariates(reader, "past", &f->past, &f->past_count);
    read_statics(reader);
    reader->in.object = root;
}

/* The members' values of static columns: finite numbers, or words that there are. */
static void read_static_values(Reader *reader) {
    elman_forecaster *f = reader->forecaster;
    SafetensorsTensor tensor;
    size_t count = 0;
    if (!size_mul(f->static_count, f->member_count, &count))
        encoder_refuse(&reader->in, STORE_STATICS);
    if (count == 0 || !find_tensor(reader, STORE_STATICS, SAFETENSORS_F64, count, &tensor)) return;
    const double *numbers = tensor.data;
    for (size_t i = 0; i < f->static_count && reader->in.status == ELMAN_OK; i++) {
        StaticColumn *column = &f->statics[i];
        column->values =
            memory_allocate_array(&f->context->memory, f->member_count, sizeof(double));
        if (column->values == NULL) encoder_refuse_memory(&reader->in);
        for (size_t s = 0; s < f->member_count && column->values != NULL; s++, numbers++) {
            column->values[s] = *numbers;
            const bool sound = column->levels == NULL
                                   ? (bool)isfinite(*numbers)
                                   : *numbers >= 0.0 && *numbers < (double)column->level_count &&
                                         *numbers == floor(*numbers);
            if (!sound) encoder_refuse(&reader->in, STORE_STATICS);
        }
    }
}

static bool is_standard(const double *numbers) {
    return isfinite(numbers[0]) && isfinite(numbers[1]) && numbers[1] > 0.0;
}

static void read_members(Reader *reader, size_t count) {
    elman_forecaster *f = reader->forecaster;
    Memory *memory = &f->context->memory;
    SafetensorsTensor tensor;
    Texts ids = find_texts(reader, STORE_IDS, true);
    if (!find_tensor(reader, STORE_MEMBERS, SAFETENSORS_F64, count * STORE_MEMBER, &tensor)) return;
    const double *numbers = tensor.data;
    f->members = memory_allocate_array(memory, count, sizeof(Member));
    if (f->members == NULL) encoder_refuse_memory(&reader->in);
    for (size_t i = 0; i < count && reader->in.status == ELMAN_OK; i++, numbers += STORE_MEMBER) {
        Member *member = &f->members[i];
        const char *id = next_text(&ids);
        if (id == NULL || !is_standard(numbers)) encoder_refuse(&reader->in, STORE_MEMBERS);
        if (id == NULL) return;
        member->id = memory_copy_string(memory, id);
        if (member->id == NULL) encoder_refuse_memory(&reader->in);
        if (member->id != NULL) f->member_count = i + 1;
        member->standard = (Standard){numbers[0], numbers[1]};
        member->naive_error = numbers[2];
    }
    if (ids.at != ids.end) encoder_refuse(&reader->in, STORE_IDS);
}

static void read_columns(Reader *reader) {
    elman_forecaster *f = reader->forecaster;
    SafetensorsTensor tensor;
    const size_t count = f->known_count + f->past_count + f->static_count;
    if (find_tensor(reader, STORE_SIZES, SAFETENSORS_F64, 1 + f->season_count, &tensor)) {
        const double *sizes = tensor.data;
        f->residual = sizes[0];
        for (size_t i = 0; i < f->season_count; i++) f->change[i] = sizes[1 + i];
        for (size_t i = 0; i <= f->season_count; i++)
            if (!(sizes[i] > 0.0) || !isfinite(sizes[i])) encoder_refuse(&reader->in, STORE_SIZES);
    }
    if (count == 0 ||
        !find_tensor(reader, STORE_COLUMNS, SAFETENSORS_F64, count * STORE_COLUMN, &tensor))
        return;
    const double *numbers = tensor.data;
    for (size_t i = 0; i < count; i++, numbers += STORE_COLUMN) {
        Standard *standard;
        if (i < f->known_count)
            standard = &f->known[i].standard;
        else if (i < f->known_count + f->past_count)
            standard = &f->past[i - f->known_count].standard;
        else
            standard = &f->static_standards[i - (f->known_count + f->past_count)];
        *standard = (Standard){numbers[0], numbers[1]};
        if (!is_standard(numbers)) encoder_refuse(&reader->in, STORE_COLUMNS);
    }
}

static void read_smooth(Reader *reader) {
    elman_forecaster *f = reader->forecaster;
    Smooth *smooth = &f->smooth;
    SafetensorsTensor tensor;
    size_t count = 0;
    smooth->count = f->season_count;
    for (size_t k = 0; k < smooth->count; k++) smooth->steps[k] = f->seasons[k];
    const size_t size = smooth_state_size(smooth);
    if (!find_tensor(reader, STORE_SMOOTH, SAFETENSORS_F64, 2 + smooth->count, &tensor)) return;
    const double *numbers = tensor.data;
    for (size_t i = 0; i < 2 + smooth->count; i++)
        if (!(numbers[i] >= 0.0 && numbers[i] < 1.0)) encoder_refuse(&reader->in, STORE_SMOOTH);
    smooth->level = numbers[0];
    smooth->rest = numbers[1];
    memcpy(smooth->season, numbers + 2, smooth->count * sizeof(double));
    if (!size_mul(f->member_count, size, &count)) encoder_refuse(&reader->in, STORE_STATES);
    if (!find_tensor(reader, STORE_STATES, SAFETENSORS_F64, count, &tensor)) return;
    numbers = tensor.data;
    for (size_t i = 0; i < f->member_count && reader->in.status == ELMAN_OK; i++, numbers += size) {
        f->members[i].state = memory_allocate_array(&f->context->memory, size, sizeof(double));
        if (f->members[i].state == NULL) {
            encoder_refuse_memory(&reader->in);
            return;
        }
        memcpy(f->members[i].state, numbers, size * sizeof(double));
        for (size_t k = 0; k < size; k++)
            if (!isfinite(numbers[k])) encoder_refuse(&reader->in, STORE_STATES);
    }
}

static void read_calibration(Reader *reader) {
    elman_forecaster *f = reader->forecaster;
    SafetensorsTensor tensor;
    size_t count = 0;
    f->calibration_windows = encoder_read_count(&reader->in, "calibration_windows", 0, COUNT_MAX);
    if (f->calibration_windows == 0 || reader->in.status != ELMAN_OK) return;
    if (!size_mul(CALIBRATION_LEVELS, f->horizon, &count))
        encoder_refuse(&reader->in, STORE_CALIBRATION);
    if (!find_tensor(reader, STORE_CALIBRATION, SAFETENSORS_F32, count, &tensor)) return;
    f->calibration = memory_allocate(&f->context->memory, tensor.bytes);
    if (f->calibration == NULL) {
        encoder_refuse_memory(&reader->in);
        return;
    }
    memcpy(f->calibration, tensor.data, tensor.bytes);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(f->calibration[i])) encoder_refuse(&reader->in, STORE_CALIBRATION);
}

/* A copy of rows of a tensor that is known to hold them. */
static void *copy_part(Reader *reader, const SafetensorsTensor *tensor, size_t first,
                       size_t count) {
    const size_t size = safetensors_type_size(tensor->type);
    void *copy = memory_allocate_array(&reader->forecaster->context->memory, count, size);
    if (copy == NULL)
        encoder_refuse_memory(&reader->in);
    else if (count > 0)
        memcpy(copy, (const char *)tensor->data + first * size, count * size);
    return copy;
}

/* Lengths of the tails, and their sums. */
static void read_tail_lengths(Reader *reader, size_t *steps, size_t *all) {
    elman_forecaster *f = reader->forecaster;
    SafetensorsTensor tensor;
    *steps = *all = 0;
    if (!find_tensor(reader, STORE_TAILS, SAFETENSORS_I64, f->member_count * STORE_TAIL, &tensor))
        return;
    const int64_t *numbers = tensor.data;
    for (size_t i = 0; i < f->member_count; i++, numbers += STORE_TAIL) {
        OneSeries *tail = &f->members[i].tail;
        if (numbers[1] < 0 || numbers[1] > INT32_MAX || numbers[2] < 0 || numbers[2] > INT32_MAX) {
            encoder_refuse(&reader->in, STORE_TAILS);
            return;
        }
        tail->start = numbers[0];
        tail->length = (size_t)numbers[1];
        tail->future = (size_t)numbers[2];
        *steps += tail->length;
        *all += tail->length + tail->future;
    }
}

static void read_tails(Reader *reader) {
    elman_forecaster *f = reader->forecaster;
    static const double none = 0.0;
    SafetensorsTensor y = {.type = SAFETENSORS_F64, .data = &none};
    SafetensorsTensor known = {.type = SAFETENSORS_F32, .data = &none}, past = known;
    size_t steps, all, at = 0, at_all = 0, known_floats = 0, past_floats = 0;
    read_tail_lengths(reader, &steps, &all);
    if (!size_mul(all, f->known_count, &known_floats) ||
        !size_mul(steps, f->past_count, &past_floats))
        encoder_refuse(&reader->in, STORE_TAILS);
    if (reader->in.status != ELMAN_OK) return;
    if (steps > 0) find_tensor(reader, STORE_TAILS_Y, SAFETENSORS_F64, steps, &y);
    if (known_floats > 0)
        find_tensor(reader, STORE_TAILS_KNOWN, SAFETENSORS_F32, known_floats, &known);
    if (past_floats > 0) find_tensor(reader, STORE_TAILS_PAST, SAFETENSORS_F32, past_floats, &past);
    for (size_t i = 0; i < f->member_count && reader->in.status == ELMAN_OK; i++) {
        OneSeries *tail = &f->members[i].tail;
        const size_t both = tail->length + tail->future;
        tail->y = copy_part(reader, &y, at, tail->length);
        tail->known = copy_part(reader, &known, at_all * f->known_count, both * f->known_count);
        tail->past = copy_part(reader, &past, at * f->past_count, tail->length * f->past_count);
        at += tail->length;
        at_all += both;
    }
}

static void read_all(Reader *reader) {
    elman_forecaster *f = reader->forecaster;
    (void)encoder_read_count(&reader->in, "version", 1, STORE_VERSION);
    read_reading(reader);
    read_quantiles(reader);
    f->together = encoder_read_flag(&reader->in, "scale_together");
    f->logarithm = encoder_read_flag(&reader->in, "logarithm");
    f->scaling =
        (elman_scaling)encoder_read_name(&reader->in, "scaling", store_scalings, STORE_SCALINGS);
    const json_t *delta = json_object_get(reader->in.object, "huber_delta");
    f->huber_delta = json_number_value(delta);
    if (!json_is_number(delta) || f->huber_delta < 0.0) encoder_refuse(&reader->in, "huber_delta");
    read_data(reader);
    read_members(reader, encoder_read_count(&reader->in, "series", 1, COUNT_MAX));
    read_static_values(reader);
    read_columns(reader);
    if (f->base == ELMAN_BASE_SMOOTH) read_smooth(reader);
    read_calibration(reader);
    read_tails(reader);
    if (reader->in.status == ELMAN_OK) reader->in.status = forecaster_index(f, reader->in.error);
    if (reader->in.status == ELMAN_OK) reader->in.status = window_plan(f, reader->in.error);
    if (reader->in.status != ELMAN_OK) return;
    if (predict_check(f, &reader->in.model->structure, NULL) != ELMAN_OK)
        encoder_refuse(&reader->in, "reads");
}

elman_status elman_forecaster_open(elman_context *context, const elman_model *model,
                                   elman_forecaster **result, elman_error *error) {
    json_t *object = NULL;
    *result = NULL;
    if (strcmp(encoder_kind(model), "series") != 0)
        return fail(error, ELMAN_ERR_MISMATCH,
                    "the model forecasts no series: its data are of the kind \"%s\"",
                    encoder_kind(model));
    elman_status status =
        metadata_parse(elman_model_encoder(model), "the description of series", &object, error);
    if (status != ELMAN_OK) return status;
    elman_forecaster *forecaster = memory_allocate(&context->memory, sizeof(*forecaster));
    if (forecaster == NULL) {
        json_decref(object);
        return fail(error, ELMAN_ERR_MEMORY, "no memory for a forecaster");
    }
    forecaster->context = context;
    Reader reader = {.in = {.model = model,
                            .memory = &context->memory,
                            .what = "series",
                            .object = object,
                            .error = error},
                     .forecaster = forecaster};
    read_all(&reader);
    json_decref(object);
    if (reader.in.status != ELMAN_OK) {
        elman_forecaster_destroy(forecaster);
        return reader.in.status;
    }
    *result = forecaster;
    return ELMAN_OK;
}
