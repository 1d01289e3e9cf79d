/* Reads tables in text, record by record. */
#include "formats/table.h"

#include <string.h>

#include "core/fail.h"
#include "core/files.h"

enum {
    BLOCK = 1 << 20,
    FIRST_FIELDS = 64,
    SNIFF_SIZE = 256 << 10, /* bytes and records that show the delimiter */
    SNIFF_RECORDS = 32
};

enum Class { TEXT, DELIMITER, STOP };

struct TableReader {
    Memory *memory;
    char *name;
    FileReader file;   /* with descriptor -1: `bytes` are the source */
    const char *bytes; /* not yet read, in memory */
    size_t bytes_left;
    char *buffer;            /* [capacity + 1]: behind buffer[end - 1] stands a line feed */
    size_t capacity;         /* grows when a record does not fit */
    size_t begin, end;       /* the bytes that are read and not yet given out */
    bool at_end;             /* the source has no more */
    TableField *fields;      /* [field_capacity] */
    size_t field_capacity;   /* grows */
    size_t line;             /* of buffer[begin] */
    bool blanks;             /* any number of spaces and tabs delimit */
    bool comments, quotes;   /* are known */
    unsigned char kind[256]; /* enum Class of each byte: line ends and zero are STOP */
};

/* What scanning the buffer from `begin` has found. */
typedef struct Scan {
    bool complete;    /* false: the record goes on behind what is read */
    bool doubled;     /* some field holds doubled quotes */
    size_t count;     /* fields; 0: a line that is no record */
    size_t lines;     /* that the record takes */
    const char *next; /* where the next one begins */
} Scan;

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static unsigned char kind_of(const TableReader *reader, char c) {
    return reader->kind[(unsigned char)c];
}

/* Line ends in the text. */
static size_t count_lines(const char *from, const char *to) {
    size_t count = 0;
    for (; from < to; from++) count += *from == '\n' || (*from == '\r' && from[1] != '\n');
    return count;
}

static bool is_too_far(const TableReader *reader, const char *at) {
    return (size_t)(at - (reader->buffer + reader->begin)) > TABLE_RECORD_MAX;
}

static elman_status too_long(const TableReader *reader, elman_error *error) {
    return fail(error, ELMAN_ERR_DATA,
                "%s:%zu: the record is longer than %d bytes, the most that are read; is a quote "
                "not closed?",
                reader->name, reader->line, TABLE_RECORD_MAX);
}

/* Names the line of `at`, which is in the record. What lies beyond the limit is not looked at, so
 * that the sentence does not depend on how much has been read. */
static elman_status refuse(const TableReader *reader, const char *at, const char *sentence,
                           elman_error *error) {
    if (is_too_far(reader, at)) return too_long(reader, error);
    const char *const begin = reader->buffer + reader->begin;
    return fail(error, ELMAN_ERR_DATA, "%s:%zu: %s", reader->name,
                reader->line + count_lines(begin, at), sentence);
}

static elman_status refuse_zero(const TableReader *reader, const char *at, elman_error *error) {
    return refuse(reader, at, "found a zero byte, expected text", error);
}

/* Makes room for one more field. */
static elman_status grow_fields(TableReader *reader, const char *at, elman_error *error) {
    if (reader->field_capacity == TABLE_FIELDS_MAX)
        return refuse(reader, at, "the record has more than 65536 fields, the most that are read",
                      error);
    const size_t capacity = 2 * reader->field_capacity;
    TableField *const fields = memory_allocate_array(reader->memory, capacity, sizeof *fields);
    if (!fields)
        return fail(error, ELMAN_ERR_MEMORY, "%s:%zu: no memory for more than %zu fields",
                    reader->name, reader->line, reader->field_capacity);
    memcpy(fields, reader->fields, reader->field_capacity * sizeof *fields);
    memory_release(reader->memory, reader->fields);
    reader->fields = fields;
    reader->field_capacity = capacity;
    return ELMAN_OK;
}

/* The quote that opens the field at `at`, or NULL. */
static const char *find_quote(const TableReader *reader, const char *at) {
    if (!reader->quotes) return NULL;
    while (is_blank(*at) && kind_of(reader, *at) == TEXT) at++;
    return *at == '"' ? at : NULL;
}

/* Reads a quoted field. *at stands at its opening quote, afterwards behind the closing one and
 * blanks, or at the end of what is read when it may go on there. */
static elman_status scan_quoted(const TableReader *reader, const char **at, TableField *field,
                                Scan *scan, elman_error *error) {
    const char *const end = reader->buffer + reader->end, *const text = *at + 1;
    const char *close = text;
    while ((close = memchr(close, '"', (size_t)(end - close))) != NULL && close[1] == '"') {
        scan->doubled = true;
        close += 2;
    }
    const char *const stop = close ? close : end;
    const char *const zero = memchr(text, '\0', (size_t)(stop - text));
    if (zero) return refuse_zero(reader, zero, error);
    if (!close && reader->at_end) {
        if (is_too_far(reader, end)) return too_long(reader, error);
        return refuse(reader, *at, "the quote that begins here is not closed", error);
    }
    *field = (TableField){text, (size_t)(stop - text), true};
    scan->lines += count_lines(text, stop);
    *at = close ? close + 1 : end;
    while (is_blank(**at) && kind_of(reader, **at) == TEXT) (*at)++;
    if (kind_of(reader, **at) == TEXT)
        return refuse(reader, *at,
                      "found text behind a closing quote, expected a delimiter or the end of the "
                      "line",
                      error);
    return ELMAN_OK;
}

/* Ends the record at `at`: a line end, a zero byte, or the end of what is read. */
static elman_status end_record(const TableReader *reader, const char *at, Scan *scan,
                               elman_error *error) {
    const char *const end = reader->buffer + reader->end;
    const bool is_return = at < end && *at == '\r';
    /* A line feed may still come. */
    if (at + is_return == end && !reader->at_end) return ELMAN_OK;
    if (at < end && *at == '\0') return refuse_zero(reader, at, error);
    if (is_too_far(reader, at)) return too_long(reader, error);
    scan->next = at;
    if (at < end) scan->next += is_return && at + 1 < end && at[1] == '\n' ? 2 : 1;
    scan->complete = true;
    return ELMAN_OK;
}

/* Whether a record of one field is a line of nothing but blanks. */
static bool is_bare(const TableField *field) {
    return !field->quoted && table_trim(*field).size == 0;
}

/* Finds the fields of the record at `begin`. */
static elman_status scan_record(TableReader *reader, Scan *scan, elman_error *error) {
    const char *at = reader->buffer + reader->begin;
    elman_status status;
    *scan = (Scan){.lines = 1};
    if (reader->comments && *at == '#') {
        while (kind_of(reader, *at) != STOP) at++;
        return end_record(reader, at, scan, error);
    }
    for (;;) {
        while (reader->blanks && is_blank(*at)) at++;
        if (reader->blanks && kind_of(reader, *at) == STOP) break;
        if (scan->count == reader->field_capacity && (status = grow_fields(reader, at, error)))
            return status;
        TableField *const field = &reader->fields[scan->count++];
        const char *const quote = *at == '"' || is_blank(*at) ? find_quote(reader, at) : NULL;
        if (quote) {
            at = quote;
            if ((status = scan_quoted(reader, &at, field, scan, error))) return status;
        } else {
            const char *const text = at;
            while (kind_of(reader, *at) == TEXT) at++;
            *field = (TableField){text, (size_t)(at - text), false};
        }
        if (kind_of(reader, *at) == STOP) break;
        at++;
    }
    if (scan->count == 1 && is_bare(reader->fields)) scan->count = 0;
    return end_record(reader, at, scan, error);
}

static elman_status read_source(TableReader *reader, char *bytes, size_t size, size_t *count,
                                elman_error *error) {
    if (reader->file.descriptor >= 0)
        return file_reader_read_some(&reader->file, bytes, size, count, error);
    *count = size < reader->bytes_left ? size : reader->bytes_left;
    if (*count > 0) memcpy(bytes, reader->bytes, *count);
    reader->bytes += *count;
    reader->bytes_left -= *count;
    return ELMAN_OK;
}

/* Moves what is left to the front, into a block twice as large when there is no room behind it, and
 * reads until the buffer is full or the source has ended. */
static elman_status fill(TableReader *reader, elman_error *error) {
    const size_t left = reader->end - reader->begin;
    elman_status status = ELMAN_OK;
    /* Behind a record of the full length stands a CR to which a LF may belong. */
    if (left > TABLE_RECORD_MAX + 1) return too_long(reader, error);
    if (left == reader->capacity) {
        char *const larger = memory_allocate(reader->memory, 2 * left + 1);
        if (!larger)
            return fail(error, ELMAN_ERR_MEMORY, "%s:%zu: no memory for a record of %zu bytes",
                        reader->name, reader->line, left);
        memcpy(larger, reader->buffer, left);
        memory_release(reader->memory, reader->buffer);
        reader->buffer = larger;
        reader->capacity = 2 * left;
    } else {
        memmove(reader->buffer, reader->buffer + reader->begin, left);
    }
    reader->begin = 0;
    reader->end = left;
    while (!reader->at_end && reader->end < reader->capacity && status == ELMAN_OK) {
        size_t count;
        status = read_source(reader, reader->buffer + reader->end, reader->capacity - reader->end,
                             &count, error);
        reader->end += count;
        reader->at_end = count == 0;
    }
    reader->buffer[reader->end] = '\n';
    return status;
}

/* Reads until `size` bytes are there, or all. */
static elman_status fill_to(TableReader *reader, size_t size, elman_error *error) {
    elman_status status = ELMAN_OK;
    while (!reader->at_end && reader->end - reader->begin < size && status == ELMAN_OK)
        status = fill(reader, error);
    return status;
}

/* "" becomes ". */
static void halve_quotes(TableField *field) {
    char *out = memchr(field->text, '"', field->size);
    if (!field->quoted || !out) return;
    const char *const end = field->text + field->size;
    for (const char *in = out; in < end; in++) {
        in += *in == '"';
        *out++ = *in;
    }
    field->size = (size_t)(out - field->text);
}

elman_status table_next(TableReader *reader, TableRow *row, elman_error *error) {
    Scan scan;
    elman_status status;
    *row = (TableRow){.line = reader->line};
    while (!reader->at_end || reader->begin < reader->end) {
        if ((status = scan_record(reader, &scan, error))) return status;
        if (!scan.complete) {
            if ((status = fill(reader, error))) return status;
            continue;
        }
        row->line = reader->line;
        reader->line += scan.lines;
        reader->begin = (size_t)(scan.next - reader->buffer);
        if (scan.count == 0) continue;
        for (size_t i = 0; scan.doubled && i < scan.count; i++) halve_quotes(&reader->fields[i]);
        row->fields = reader->fields;
        row->count = scan.count;
        break;
    }
    return ELMAN_OK;
}

static void set_delimiter(TableReader *reader, char delimiter) {
    memset(reader->kind, TEXT, sizeof reader->kind);
    reader->kind['\0'] = reader->kind['\n'] = reader->kind['\r'] = STOP;
    reader->kind[(unsigned char)delimiter] = DELIMITER;
    reader->blanks = delimiter == ' ';
    if (reader->blanks) reader->kind['\t'] = DELIMITER;
}

/* Which part of the first records has as many fields as the first of all, at least 2; 0 also when
 * they cannot be read with this delimiter. */
static elman_status judge(TableReader *reader, double *share) {
    const size_t begin = reader->begin, line = reader->line;
    size_t first = 0, records = 0, alike = 0;
    elman_status status = ELMAN_OK;
    while (reader->begin < reader->end && records < SNIFF_RECORDS) {
        Scan scan;
        if ((status = scan_record(reader, &scan, NULL))) break;
        if (!scan.complete && records > 0) break;
        if (scan.count > 0) {
            if (records++ == 0) first = scan.count;
            alike += scan.count == first;
        }
        if (!scan.complete) break; /* a first record so long that only its beginning is here */
        reader->line += scan.lines;
        reader->begin = (size_t)(scan.next - reader->buffer);
    }
    reader->begin = begin;
    reader->line = line;
    *share = status == ELMAN_OK && first >= 2 ? (double)alike / (double)records : 0.0;
    return status == ELMAN_ERR_MEMORY ? status : ELMAN_OK;
}

static bool is_tsv(const char *name) {
    const size_t length = strlen(name);
    return length >= 4 &&
           (strcmp(name + length - 4, ".tsv") == 0 || strcmp(name + length - 4, ".TSV") == 0);
}

/* Tries the delimiters, those first that hardly stand inside fields: dates hold blanks, and some
 * write a comma for the decimal point. */
static elman_status choose_delimiter(TableReader *reader) {
    static const char candidates[] = {'\t', ';', '|', ',', ' '};
    char best = ',';
    double most = 0.5;
    for (size_t i = 0; i < sizeof candidates; i++) {
        double share;
        if (candidates[i] == ' ' && most > 0.5) break;
        set_delimiter(reader, candidates[i]);
        const elman_status status = judge(reader, &share);
        if (status) return status;
        if (share > most) {
            best = candidates[i];
            most = share;
        }
        if (i == 0 && share > 0.0 && is_tsv(reader->name)) {
            best = '\t';
            break;
        }
    }
    set_delimiter(reader, best);
    return ELMAN_OK;
}

static elman_status find_delimiter(TableReader *reader, elman_error *error) {
    elman_status status = fill_to(reader, SNIFF_SIZE, error);
    if (status) return status;
    const size_t end = reader->end;
    const bool at_end = reader->at_end, is_cut = end - reader->begin > SNIFF_SIZE;
    if (is_cut) {
        reader->end = reader->begin + SNIFF_SIZE;
        reader->at_end = false;
    }
    char *const behind = reader->buffer + reader->end;
    const char kept = *behind;
    *behind = '\n';
    status = choose_delimiter(reader);
    *behind = kept;
    reader->end = end;
    reader->at_end = at_end;
    return status ? fail(error, status, "%s: no memory to read its first records", reader->name)
                  : ELMAN_OK;
}

static elman_status skip_mark(TableReader *reader, elman_error *error) {
    const elman_status status = fill_to(reader, 3, error);
    if (status) return status;
    const char *const first = reader->buffer;
    if (reader->end >= 2 &&
        (memcmp(first, "\xFF\xFE", 2) == 0 || memcmp(first, "\xFE\xFF", 2) == 0))
        return fail(error, ELMAN_ERR_DATA, "%s: is UTF-16, expected UTF-8: save it as UTF-8",
                    reader->name);
    if (reader->end >= 2 && memcmp(first, "\x1F\x8B", 2) == 0)
        return fail(error, ELMAN_ERR_DATA, "%s: is packed by gzip, expected text: unpack it",
                    reader->name);
    if (reader->end >= 3 && memcmp(first, "PK\x03", 3) == 0)
        return fail(error, ELMAN_ERR_DATA,
                    "%s: is a spreadsheet or a ZIP archive, expected text: save it as CSV",
                    reader->name);
    if (reader->end >= 3 && memcmp(first, "\xEF\xBB\xBF", 3) == 0) reader->begin = 3;
    return ELMAN_OK;
}

/* A reader without a source. */
static elman_status create(Memory *memory, const char *name, const TableOptions *options,
                           TableReader **created, elman_error *error) {
    const unsigned char delimiter = (unsigned char)options->delimiter;
    if (delimiter > 127 || delimiter == '"' || delimiter == '\n' || delimiter == '\r')
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%s: byte %d cannot delimit fields, expected an ASCII character other than a "
                    "quote or a line end",
                    name, delimiter);
    TableReader *const reader = memory_allocate(memory, sizeof *reader);
    *created = reader;
    if (!reader) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to read it", name);
    reader->memory = memory;
    reader->file.descriptor = -1;
    reader->line = 1;
    reader->comments = options->comments;
    reader->quotes = !options->plain_quotes;
    reader->capacity = options->block > 0 ? options->block : BLOCK;
    reader->field_capacity = FIRST_FIELDS;
    reader->name = memory_copy_string(memory, name);
    reader->fields = memory_allocate_array(memory, FIRST_FIELDS, sizeof *reader->fields);
    reader->buffer = memory_allocate(memory, reader->capacity + 1);
    if (!reader->name || !reader->fields || !reader->buffer)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to read it", name);
    reader->buffer[0] = '\n';
    return ELMAN_OK;
}

/* Opens the file at `path`, or with NULL the bytes. */
static elman_status open_source(Memory *memory, const char *path, const char *name,
                                const void *bytes, size_t size, const TableOptions *options,
                                TableReader **reader, elman_error *error) {
    static const TableOptions defaults;
    TableReader *created = NULL;
    if (!options) options = &defaults;
    *reader = NULL;
    elman_status status = create(memory, name, options, &created, error);
    if (status) goto done;
    created->bytes = bytes;
    created->bytes_left = size;
    /* The name is the path unless it is "-". */
    if (path && (status = file_reader_open_stream(&created->file,
                                                  path == name ? created->name : path, error)))
        goto done;
    if ((status = skip_mark(created, error))) goto done;
    if (options->delimiter)
        set_delimiter(created, options->delimiter);
    else if ((status = find_delimiter(created, error)))
        goto done;
    *reader = created;
    created = NULL;

done:
    table_close(created);
    return status;
}

elman_status table_open(Memory *memory, const char *path, const TableOptions *options,
                        TableReader **reader, elman_error *error) {
    const char *const name = strcmp(path, "-") == 0 ? "standard input" : path;
    return open_source(memory, path, name, NULL, 0, options, reader, error);
}

elman_status table_open_bytes(Memory *memory, const char *name, const void *bytes, size_t size,
                              const TableOptions *options, TableReader **reader,
                              elman_error *error) {
    return open_source(memory, NULL, name, bytes, size, options, reader, error);
}

void table_close(TableReader *reader) {
    if (!reader) return;
    Memory *const memory = reader->memory;
    file_reader_close(&reader->file);
    memory_release(memory, reader->buffer);
    memory_release(memory, reader->fields);
    memory_release(memory, reader->name);
    memory_release(memory, reader);
}

const char *table_name(const TableReader *reader) {
    return reader->name;
}
