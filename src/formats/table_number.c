/* Numbers in fields of tables: most are read by one multiplication of integers, so that neither the
 * locale nor the floating-point mode has a say. */
#include "formats/table.h"

#include <stdint.h>
#include <string.h>

#include "core/decimal.h"

enum { DIGITS_MAX = 19, POWER_MAX = 40 };

/* The first 64 bits of 10^-40 to 10^40, cut, not rounded. */
static const uint64_t powers[2 * POWER_MAX + 1] = {
    0x8B61313BBABCE2C6, 0xAE397D8AA96C1B77, 0xD9C7DCED53C72255, 0x881CEA14545C7575,
    0xAA242499697392D2, 0xD4AD2DBFC3D07787, 0x84EC3C97DA624AB4, 0xA6274BBDD0FADD61,
    0xCFB11EAD453994BA, 0x81CEB32C4B43FCF4, 0xA2425FF75E14FC31, 0xCAD2F7F5359A3B3E,
    0xFD87B5F28300CA0D, 0x9E74D1B791E07E48, 0xC612062576589DDA, 0xF79687AED3EEC551,
    0x9ABE14CD44753B52, 0xC16D9A0095928A27, 0xF1C90080BAF72CB1, 0x971DA05074DA7BEE,
    0xBCE5086492111AEA, 0xEC1E4A7DB69561A5, 0x9392EE8E921D5D07, 0xB877AA3236A4B449,
    0xE69594BEC44DE15B, 0x901D7CF73AB0ACD9, 0xB424DC35095CD80F, 0xE12E13424BB40E13,
    0x8CBCCC096F5088CB, 0xAFEBFF0BCB24AAFE, 0xDBE6FECEBDEDD5BE, 0x89705F4136B4A597,
    0xABCC77118461CEFC, 0xD6BF94D5E57A42BC, 0x8637BD05AF6C69B5, 0xA7C5AC471B478423,
    0xD1B71758E219652B, 0x83126E978D4FDF3B, 0xA3D70A3D70A3D70A, 0xCCCCCCCCCCCCCCCC,
    0x8000000000000000, 0xA000000000000000, 0xC800000000000000, 0xFA00000000000000,
    0x9C40000000000000, 0xC350000000000000, 0xF424000000000000, 0x9896800000000000,
    0xBEBC200000000000, 0xEE6B280000000000, 0x9502F90000000000, 0xBA43B74000000000,
    0xE8D4A51000000000, 0x9184E72A00000000, 0xB5E620F480000000, 0xE35FA931A0000000,
    0x8E1BC9BF04000000, 0xB1A2BC2EC5000000, 0xDE0B6B3A76400000, 0x8AC7230489E80000,
    0xAD78EBC5AC620000, 0xD8D726B7177A8000, 0x878678326EAC9000, 0xA968163F0A57B400,
    0xD3C21BCECCEDA100, 0x84595161401484A0, 0xA56FA5B99019A5C8, 0xCECB8F27F4200F3A,
    0x813F3978F8940984, 0xA18F07D736B90BE5, 0xC9F2C9CD04674EDE, 0xFC6F7C4045812296,
    0x9DC5ADA82B70B59D, 0xC5371912364CE305, 0xF684DF56C3E01BC6, 0x9A130B963A6C115C,
    0xC097CE7BC90715B3, 0xF0BDC21ABB48DB20, 0x96769950B50D88F4, 0xBC143FA4E250EB31,
    0xEB194F8E1AE525FD,
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

TableField table_trim(TableField field) {
    while (field.size > 0 && is_blank(*field.text)) {
        field.text++;
        field.size--;
    }
    while (field.size > 0 && is_blank(field.text[field.size - 1])) field.size--;
    return field;
}

/* The upper half of the product. */
static uint64_t multiply_high(uint64_t a, uint64_t b) {
    const uint64_t low = UINT32_MAX;
    const uint64_t a0 = a & low, a1 = a >> 32, b0 = b & low, b1 = b >> 32;
    const uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    const uint64_t carried = a0 * b1 + (middle & low);
    return a1 * b1 + (middle >> 32) + (carried >> 32);
}

/* How many zeros stand before the first one of `bits`, which is not 0: the exponent of a double
 * says it, to which 53 bits are converted exactly. */
static int leading_zeros(uint64_t bits) {
    const int cut = bits >> 53 ? 11 : 0;
    const double rest = (double)(int64_t)(bits >> cut);
    uint64_t pattern;
    memcpy(&pattern, &rest, sizeof pattern);
    return 63 - cut - ((int)(pattern >> 52) - 1023);
}

/* The double nearest to digits * 10^power, |power| <= POWER_MAX; false when this precision cannot
 * tell which of two neighbours it is.
 *
 * With both factors shifted to 64 bits, the exact product / 2^64 lies in [high, high + 2): what was
 * cut from the power adds less than 1, and so does the lower half. Only when half of the last place
 * lies in that range is the rounding open. */
static bool scale(uint64_t digits, int power, uint64_t *bits) {
    *bits = 0;
    if (digits == 0) return true;
    const int zeros = leading_zeros(digits);
    const uint64_t high = multiply_high(digits << zeros, powers[power + POWER_MAX]);
    const int extra = high >> 63 ? 11 : 10; /* bits that a double has no room for */
    const uint64_t half = (uint64_t)1 << (extra - 1);
    const uint64_t rest = high & (2 * half - 1);
    if (rest == half || rest + 1 == half) return false;
    /* floor(power * log2(10)): 217706 / 2^16 is near enough for small powers. */
    const int logarithm = (int)((uint32_t)(power * 217706 + (512 << 16)) >> 16) - 512;
    const uint64_t exponent = (uint64_t)(1075 + extra + 1 + logarithm - zeros);
    const uint64_t mantissa = (high >> extra) + (rest > half);
    /* A mantissa that rounding has made 2^53 carries into the exponent. */
    *bits = (exponent << 52) + (mantissa - ((uint64_t)1 << 52));
    return true;
}

static const char *read_digits(const char *at, const char *end, uint64_t *digits) {
    uint64_t read = *digits;
    for (; at < end; at++) {
        const unsigned digit = (unsigned)(unsigned char)*at - '0';
        if (digit > 9) break;
        read = read * 10 + digit;
    }
    *digits = read;
    return at;
}

/* Reads an exponent of up to four digits; *at stands at its letter, afterwards behind it. */
static bool read_exponent(const char **at, const char *end, int *power) {
    const char *c = *at + 1;
    uint64_t size = 0;
    const bool negative = c < end && *c == '-';
    if (c < end && (*c == '-' || *c == '+')) c++;
    const char *const first = c;
    c = read_digits(c, end, &size);
    *at = c;
    if (c == first || c - first > 4) return false;
    *power += negative ? -(int)size : (int)size;
    return true;
}

bool table_number(TableField field, double *value) {
    const char *at = field.text, *end = at + field.size;
    while (at < end && is_blank(*at)) at++;
    while (at < end && is_blank(end[-1])) end--;
    const char *const text = at;
    uint64_t digits = 0, bits;
    int power = 0;
    const bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    const char *const first = at;
    at = read_digits(at, end, &digits);
    ptrdiff_t count = at - first;
    if (at < end && *at == '.') {
        const char *const fraction = ++at;
        at = read_digits(at, end, &digits);
        count += at - fraction;
        power = (int)(fraction - at);
    }
    bool simple = count > 0 && count <= DIGITS_MAX;
    if (at < end && (*at == 'e' || *at == 'E')) simple = read_exponent(&at, end, &power) && simple;
    if (at < end || count == 0) return false;
    if (!simple || power < -POWER_MAX || power > POWER_MAX || !scale(digits, power, &bits))
        return decimal_read_double(text, (size_t)(end - text), value);
    bits |= (uint64_t)negative << 63;
    memcpy(value, &bits, sizeof *value);
    return true;
}

bool table_is_missing(TableField field) {
    static const char *const words[] = {"", "NA", "NaN", "nan", "null", "NULL", "N/A", ".", "?"};
    field = table_trim(field);
    if (field.size > 4) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == field.size && memcmp(words[i], field.text, field.size) == 0)
            return true;
    return false;
}
