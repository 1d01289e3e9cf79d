/* Puts a forecaster into a model. */
#include "forecast/store.h"

#include <string.h>

#include <jansson.h>

#include "core/fail.h"
#include "core/size.h"
#include "forecast/calibrate.h"
#include "forecast/predict.h"
#include "model/encoder.h"
#include "model/metadata.h"
#include "model/model.h"

const char *const store_bases[] = {"auto", "smooth", "seasonal", "last", "none"};
const char *const store_scalings[] = {"standard", "robust", "none"};
const char *const store_missing[] = {"refuse", "interpolate", "mask"};
const char *const store_units[] = {"number", "second", "day", "business-day", "month"};

/* Lists of JSON; NULL when memory is lacking, which json_pack passes on. */
static json_t *list_sizes(const size_t *sizes, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, json_integer((json_int_t)sizes[i]))) goto failed;
    return list;
failed:
    json_decref(list);
    return NULL;
}

static json_t *list_covariates(const Covariate *covariates, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, json_string(covariates[i].name))) goto failed;
    return list;
failed:
    json_decref(list);
    return NULL;
}

static json_t *list_statics(const elman_forecaster *forecaster) {
    json_t *list = json_array();
    for (size_t i = 0; i < forecaster->static_count; i++) {
        const StaticColumn *column = &forecaster->statics[i];
        json_t *entry = json_pack("{s:s, s:I}", "name", column->name, "words",
                                  (json_int_t)(column->levels ? column->level_count : 0));
        if (json_array_append_new(list, entry)) goto failed;
    }
    return list;
failed:
    json_decref(list);
    return NULL;
}

static json_t *list_quantiles(const elman_forecaster *forecaster) {
    json_t *list = json_array();
    for (size_t i = 0; i < forecaster->quantile_count; i++)
        if (json_array_append_new(list, json_real(forecaster->quantiles[i]))) goto failed;
    return list;
failed:
    json_decref(list);
    return NULL;
}

static json_t *describe_reading(const elman_forecaster *f) {
    return json_pack("{s:I, s:I, s:o, s:I, s:I, s:o, s:b, s:b, s:b, s:s, s:s}", "horizon",
                     (json_int_t)f->horizon, "context", (json_int_t)f->steps_before, "seasons",
                     list_sizes(f->seasons, f->season_count), "season", (json_int_t)f->season,
                     "base_season", (json_int_t)f->base_season, "lags",
                     list_sizes(f->lags, f->lag_count), "recursive", f->recursive, "calendar",
                     f->calendar, "changes", f->changes, "base", store_bases[f->base], "loss",
                     elman_loss_name(f->loss));
}

static json_t *describe_columns(const elman_forecaster *f) {
    return json_pack("{s:s?, s:s?, s:s?, s:b, s:o, s:o, s:o, s:s, s:i, s:s, s:I, s:i, s:i}", "time",
                     f->time_name, "id", f->id_name, "target", f->target_name, "wide", f->wide,
                     "known", list_covariates(f->known, f->known_count), "past",
                     list_covariates(f->past, f->past_count), "statics", list_statics(f), "missing",
                     store_missing[f->missing], "times", (int)f->form, "unit",
                     store_units[f->spacing.unit], "step", (json_int_t)f->spacing.step, "day",
                     (int)f->spacing.day, "has_day", (int)f->spacing.has_day);
}

/* The JSON object, as text to be released with memory_release; NULL: no memory. */
static char *describe(const elman_forecaster *f) {
    json_t *root = json_pack(
        "{s:i, s:o, s:o, s:o, s:b, s:b, s:s, s:f, s:I, s:I}", "version", STORE_VERSION, "reads",
        describe_reading(f), "data", describe_columns(f), "quantiles", list_quantiles(f),
        "scale_together", f->together, "logarithm", f->logarithm, "scaling",
        store_scalings[f->scaling], "huber_delta", f->huber_delta, "series",
        (json_int_t)f->member_count, "calibration_windows", (json_int_t)f->calibration_windows);
    char *text = metadata_text(&f->context->memory, root);
    json_decref(root);
    return text;
}

/* The tensors' data, and the tensors. */
typedef struct Storing {
    const elman_forecaster *forecaster;
    SafetensorsTensor tensors[16];
    void *blocks[16];
    size_t count;
    bool failed;
} Storing;

/* Room for a tensor of rows x columns, zeroed; NULL when there is none or nothing to store. */
static void *add(Storing *storing, const char *name, SafetensorsType type, size_t rows,
                 size_t columns) {
    const size_t size = safetensors_type_size(type);
    size_t count, bytes;
    if (rows == 0 || columns == 0 || storing->failed) return NULL;
    void *block = size_mul(rows, columns, &count) && size_mul(count, size, &bytes)
                      ? memory_allocate(&storing->forecaster->context->memory, bytes)
                      : NULL;
    storing->failed = block == NULL;
    if (block == NULL) return NULL;
    storing->tensors[storing->count] = (SafetensorsTensor){.name = name,
                                                           .type = type,
                                                           .rank = columns == 1 ? 1 : 2,
                                                           .shape = {rows, columns},
                                                           .data = block,
                                                           .bytes = bytes};
    storing->blocks[storing->count++] = block;
    return block;
}

static char *put_text(char *at, const char *text) {
    const size_t size = strlen(text) + 1;
    memcpy(at, text, size);
    return at + size;
}

static void add_texts(Storing *storing) {
    const elman_forecaster *f = storing->forecaster;
    size_t ids = 0, words = 0;
    for (size_t i = 0; i < f->member_count; i++) ids += strlen(f->members[i].id) + 1;
    for (size_t i = 0; i < f->static_count; i++)
        for (size_t level = 0; level < f->statics[i].level_count; level++)
            words += strlen(f->statics[i].levels[level]) + 1;
    char *at = add(storing, STORE_IDS, SAFETENSORS_U8, ids, 1);
    for (size_t i = 0; at != NULL && i < f->member_count; i++) at = put_text(at, f->members[i].id);
    at = add(storing, STORE_WORDS, SAFETENSORS_U8, words, 1);
    for (size_t i = 0; at != NULL && i < f->static_count; i++)
        for (size_t level = 0; level < f->statics[i].level_count; level++)
            at = put_text(at, f->statics[i].levels[level]);
}

static void put_standard(double *at, const Standard *standard) {
    at[0] = standard->location;
    at[1] = standard->scale;
}

static void add_smooth(Storing *storing) {
    const elman_forecaster *f = storing->forecaster;
    const Smooth *smooth = &f->smooth;
    const size_t size = smooth_state_size(smooth);
    double *at = add(storing, STORE_SMOOTH, SAFETENSORS_F64, 2 + smooth->count, 1);
    if (at != NULL) {
        at[0] = smooth->level;
        at[1] = smooth->rest;
        memcpy(at + 2, smooth->season, smooth->count * sizeof(double));
    }
    at = add(storing, STORE_STATES, SAFETENSORS_F64, f->member_count, size);
    for (size_t i = 0; at != NULL && i < f->member_count; i++, at += size)
        memcpy(at, f->members[i].state, size * sizeof(double));
}

static void add_scales(Storing *storing) {
    const elman_forecaster *f = storing->forecaster;
    double *at = add(storing, STORE_MEMBERS, SAFETENSORS_F64, f->member_count, STORE_MEMBER);
    for (size_t i = 0; at != NULL && i < f->member_count; i++, at += STORE_MEMBER) {
        put_standard(at, &f->members[i].standard);
        at[2] = f->members[i].naive_error;
    }
    at = add(storing, STORE_COLUMNS, SAFETENSORS_F64,
             f->known_count + f->past_count + f->static_count, STORE_COLUMN);
    if (at != NULL) {
        for (size_t i = 0; i < f->known_count; i++, at += STORE_COLUMN)
            put_standard(at, &f->known[i].standard);
        for (size_t i = 0; i < f->past_count; i++, at += STORE_COLUMN)
            put_standard(at, &f->past[i].standard);
        for (size_t i = 0; i < f->static_count; i++, at += STORE_COLUMN)
            put_standard(at, &f->static_standards[i]);
    }
    at = add(storing, STORE_STATICS, SAFETENSORS_F64, f->static_count, f->member_count);
    for (size_t i = 0; at != NULL && i < f->static_count; i++, at += f->member_count)
        memcpy(at, f->statics[i].values, f->member_count * sizeof(double));
    if (f->base == ELMAN_BASE_SMOOTH) add_smooth(storing);
    at = add(storing, STORE_SIZES, SAFETENSORS_F64, 1 + f->season_count, 1);
    if (at != NULL) *at++ = f->residual;
    for (size_t i = 0; at != NULL && i < f->season_count; i++) at[i] = f->change[i];
    if (f->calibration == NULL) return;
    float *offsets =
        add(storing, STORE_CALIBRATION, SAFETENSORS_F32, CALIBRATION_LEVELS, f->horizon);
    if (offsets != NULL)
        memcpy(offsets, f->calibration, CALIBRATION_LEVELS * f->horizon * sizeof(float));
}

static void add_tails(Storing *storing) {
    const elman_forecaster *f = storing->forecaster;
    size_t steps = 0, all = 0;
    int64_t *tails = add(storing, STORE_TAILS, SAFETENSORS_I64, f->member_count, STORE_TAIL);
    for (size_t i = 0; i < f->member_count && tails != NULL; i++, tails += STORE_TAIL) {
        const OneSeries *tail = &f->members[i].tail;
        tails[0] = tail->start;
        tails[1] = (int64_t)tail->length;
        tails[2] = (int64_t)tail->future;
        steps += tail->length;
        all += tail->length + tail->future;
    }
    double *y = add(storing, STORE_TAILS_Y, SAFETENSORS_F64, steps, 1);
    float *known = add(storing, STORE_TAILS_KNOWN, SAFETENSORS_F32, all, f->known_count);
    float *past = add(storing, STORE_TAILS_PAST, SAFETENSORS_F32, steps, f->past_count);
    for (size_t i = 0; i < f->member_count; i++) {
        const OneSeries *tail = &f->members[i].tail;
        const size_t known_floats = (tail->length + tail->future) * f->known_count;
        const size_t past_floats = tail->length * f->past_count;
        if (y != NULL) memcpy(y, tail->y, tail->length * sizeof(double));
        if (known != NULL) memcpy(known, tail->known, known_floats * sizeof(float));
        if (past != NULL) memcpy(past, tail->past, past_floats * sizeof(float));
        if (y != NULL) y += tail->length;
        if (known != NULL) known += known_floats;
        if (past != NULL) past += past_floats;
    }
}

elman_status elman_forecaster_store(const elman_forecaster *forecaster, elman_model *model,
                                    elman_error *error) {
    Memory *memory = &forecaster->context->memory;
    Storing storing = {.forecaster = forecaster};
    elman_status status = predict_check(forecaster, &model->structure, error);
    if (status != ELMAN_OK) return status;
    add_texts(&storing);
    add_scales(&storing);
    add_tails(&storing);
    char *json = describe(forecaster);
    if (storing.failed || json == NULL)
        status = fail(error, ELMAN_ERR_MEMORY, "no memory to store a forecaster");
    else
        status = encoder_set(model, "series", json, storing.tensors, storing.count, error);
    memory_release(memory, json);
    for (size_t i = 0; i < storing.count; i++) memory_release(memory, storing.blocks[i]);
    return status;
}
