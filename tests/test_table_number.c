/* Fields of tables: numbers as strtod reads them, words for missing values. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/decimal.h"
#include "core/random.h"
#include "formats/table.h"

static TableField field_of(const char *text) {
    return (TableField){text, strlen(text), false};
}

static void check_number(const char *text) {
    double value = 7.0;
    const double want = strtod(text, NULL);
    const bool is_number = table_number(field_of(text), &value);
    if (is_number != (isfinite(want) != 0))
        fail_msg("%s: %s", text, is_number ? "taken" : "not taken");
    if (is_number && memcmp(&value, &want, sizeof want) != 0)
        fail_msg("%s is read as %.17g, not %.17g", text, value, want);
}

static void numbers(void **state) {
    static const char *const right[] = {
        "0",
        "-0",
        "+0",
        "0.0",
        "-0.000",
        "0e5",
        "1",
        "-1",
        "+1",
        "1.",
        ".5",
        "-.5",
        "00012",
        "1e5",
        "1E5",
        "1e+05",
        "1.5e-3",
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "9007199254740995",
        "18014398509481985",
        "9223372036854775807",
        "9223372036854775808",
        "9999999999999999999",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999",
        "0.1",
        "0.30000000000000004",
        "123456789.123456789",
        "1e22",
        "1e23",
        "1e40",
        "1e41",
        "1e-40",
        "1e-41",
        "8.5e-41",
        "9999999999999999999e40",
        "1e308",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "1e309",
        "-1e400",
        "5e-324",
        "2e-324",
        "1e-400",
        "1e00000000000000000001",
        "1e18446744073709551617",
        "0e99999",
        "1e99999",
        "1e-99999",
        "0.00000000000000000000000000000000000000000000000000000012345",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "1.00000000000000011102230246251565",
        "1.000000000000000111022302462515654042363166809082031250000000000000001",
        "4503599627370496.5",
        "4503599627370497.5",
        "0.500000000000000166",
        "6250000000000000.25",
    };
    static const char *const wrong[] = {
        "",      " ",   "-",    "+",     ".",    "-.",    "e5",        "1e",       "1e+",
        "1 2",   "1,5", "0x10", "inf",   "-inf", "nan",   "NaN",       "infinity", "1f",
        "1.2.3", "--1", "1-",   "1e5.5", "1d5",  "1_000", "1\xC2\xA0", "1\n"};
    double value;
    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) check_number(right[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (table_number(field_of(wrong[i]), &value)) fail_msg("%s is taken", wrong[i]);
    assert_true(table_number(field_of(" \t-1.5\t "), &value) && value == -1.5);
    /* The field alone counts, not what stands behind it. */
    assert_true(table_number((TableField){"12345", 3, true}, &value) && value == 123.0);
    assert_true(table_number((TableField){"1e55", 3, true}, &value) && value == 1e5);

    static char digits[DECIMAL_DOUBLE_MAX + 2];
    memset(digits, '1', sizeof digits - 1);
    digits[1] = '.';
    assert_false(table_number(field_of(digits), &value));
    digits[DECIMAL_DOUBLE_MAX] = '\0';
    check_number(digits);
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
        assert_true(table_number(field_of("1.5"), &value) && value == 1.5);
        assert_true(table_number(field_of("1.000000000000000000000005"), &value) && value == 1.0);
        assert_false(table_number(field_of("1,5"), &value));
        (void)setlocale(LC_NUMERIC, "C");
    }
}

/* Random decimals of all shapes. */
static void make_decimal(uint64_t i, char *text, size_t room) {
    uint32_t r[4];
    random_block(20, 1, 2, i, r);
    const uint64_t bits = (uint64_t)r[0] << 32 | r[1];
    const uint64_t digits = bits >> r[2] % 64;
    const int precision = (int)(r[2] >> 8) % 20, exponent = (int)(r[2] >> 16) % 100 - 50;
    const char *const sign = r[3] & 64 ? "-" : "";
    double any;
    memcpy(&any, &bits, sizeof any);
    if (!isfinite(any)) any = 1.5;
    switch (r[3] % 8) {
    case 0:
        (void)snprintf(text, room, "%s%llu", sign, (unsigned long long)digits);
        break;
    case 1:
        (void)snprintf(text, room, "%s%llue%d", sign, (unsigned long long)digits, exponent);
        break;
    case 2:
        (void)snprintf(text, room, "%.*e", precision, any);
        break;
    case 3:
        (void)snprintf(text, room, "%.17g", any);
        break;
    case 4:
        (void)snprintf(text, room, "%.*f", precision, (double)(int64_t)bits * 0x1p-50);
        break;
    case 5:
        (void)snprintf(text, room, "%.17g", (double)(int64_t)bits * 0x1p-63);
        break;
    case 6: /* halfway between two doubles, or nearly */
        (void)snprintf(text, room, "%s%llu.%u", sign, (unsigned long long)(digits >> 12 | 1u << 20),
                       5 + r[3] / 128 % 2);
        break;
    default:
        (void)snprintf(text, room, "%llu.%llue%d", (unsigned long long)(digits >> 32),
                       (unsigned long long)(digits & UINT32_MAX), exponent / 4);
    }
}

static void numbers_as_strtod_reads_them(void **state) {
    const char *const asked = getenv("ELMAN_TEST_DECIMALS"); /* how many */
    const unsigned long count = asked ? strtoul(asked, NULL, 10) : 50000;
    char text[400];
    (void)state;
    for (unsigned long i = 0; i < count; i++) {
        make_decimal(i, text, sizeof text);
        check_number(text);
    }
}

static void missing_values(void **state) {
    static const char *const missing[] = {"",    "NA", "NaN", "nan", "null",  "NULL",
                                          "N/A", ".",  "?",   " ",   " NA\t", " . "};
    static const char *const there[] = {"0", "na", "N",    "NAN",  "Null",  "..",
                                        "-", "??", "none", "N/A/", "\"NA\""};
    (void)state;
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        TableField field = field_of(missing[i]);
        assert_true(table_is_missing(field));
        field.quoted = true;
        assert_true(table_is_missing(field));
    }
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        assert_false(table_is_missing(field_of(there[i])));
    assert_true(table_is_missing((TableField){"NAME", 2, false}));
    const TableField trimmed = table_trim((TableField){"\t a b \t", 7, true});
    assert_int_equal(trimmed.size, 3);
    assert_memory_equal(trimmed.text, "a b", 3);
    assert_true(trimmed.quoted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(numbers_as_strtod_reads_them),
        cmocka_unit_test(missing_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
