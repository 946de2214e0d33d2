"""What the generated C rests on: the primitives of ARITHMETIC.md A on 64-bit integers.

Sums and products are made on unsigned integers, where C defines what overflows.
"""

from __future__ import annotations

from npusim.spec.rounding import Rounding

_RULES = ", ".join(f"ROUND_{rule.name}" for rule in Rounding)

RUNTIME = f"""\
#if defined(__GNUC__)
#define UNUSED __attribute__((unused))
#else
#define UNUSED
#endif

enum {{ {_RULES} }};
""" + """
typedef unsigned long long word;

UNUSED static long long add(long long a, long long b) { return (long long)((word)a + (word)b); }

UNUSED static long long multiply(long long a, long long b) { return (long long)((word)a * (word)b); }

UNUSED static long long shift_left(long long v, long long n) {
    return n > 63 ? 0 : (long long)((word)v << n);
}

/* The floor of v / 2^n, whatever the compiler makes of >> on negative values. */
UNUSED static long long floored(long long v, long long n) {
    if (n > 63) n = 63;
    return v < 0 ? (long long)~(~(word)v >> n) : (long long)((word)v >> n);
}

/* A1 */
UNUSED static long long shift_right(long long v, long long n, int rule) {
    long long quotient, increment;
    int guard, sticky, sign = v < 0, last;
    if (n == 0) return v;
    quotient = floored(v, n);
    guard = (int)(floored(v, n - 1) & 1);
    sticky = n > 64 ? v != 0 : ((word)v & ((((word)1 << (n - 1)) - 1))) != 0;
    last = (int)(quotient & 1);
    switch (rule) {
    case ROUND_HALF_UP: increment = guard; break;
    case ROUND_HALF_DOWN: increment = guard & sticky; break;
    case ROUND_HALF_TOWARD_ZERO: increment = guard & (sign | sticky); break;
    case ROUND_HALF_AWAY: increment = guard & ((!sign) | sticky); break;
    case ROUND_HALF_EVEN: increment = guard & (last | sticky); break;
    case ROUND_HALF_ODD: increment = guard & ((!last) | sticky); break;
    case ROUND_TOWARD_ZERO: increment = sign & (guard | sticky); break;
    case ROUND_CEIL: increment = guard | sticky; break;
    case ROUND_AWAY: increment = (!sign) & (guard | sticky); break;
    default: increment = 0; break;
    }
    return quotient + increment;
}

UNUSED static long long clamp(long long v, long long low, long long high) {
    return v < low ? low : v > high ? high : v;
}

/* A2: unsigned registers of 64 bits hold every value of zero or more. */
UNUSED static long long saturate(long long v, int bits, int is_signed) {
    long long most = bits - is_signed > 62 ? 0x7fffffffffffffffLL : (1LL << (bits - is_signed)) - 1;
    return clamp(v, is_signed ? -most - 1 : 0, most);
}

UNUSED static long long wrap(long long v, int bits, int is_signed) {
    word mask, kept;
    if (bits > 63) return v;
    mask = ((word)1 << bits) - 1;
    kept = (word)v & mask;
    if (is_signed && kept >> (bits - 1)) kept |= ~mask;
    return (long long)kept;
}

/* A8: the result keeps its fraction bits. */
UNUSED static long long interpolate(const long long *table, long long address, int fraction_bits) {
    long long index = address >> fraction_bits, fraction = address & ((1LL << fraction_bits) - 1);
    return add(shift_left(table[index], fraction_bits), multiply(table[index + 1] - table[index], fraction));
}
"""
"""The primitives."""

FLOAT_RUNTIME = """
/* A.float32: the two float operations round half to even; the value is then taken apart exactly. */
UNUSED static long long float32(long long v, long long scale, int rule, int to) {
    union { float value; unsigned int bits; } made;
    volatile float converted = (float)v, product;
    int exponent;
    long long significand, most = 0x7fffffffffffffffLL;
    made.bits = (unsigned int)scale;
    product = converted * made.value;
    made.value = product;
    exponent = (int)(made.bits >> 23 & 255);
    significand = (long long)(made.bits & 0x7fffff) | (exponent ? 0x800000 : 0);
    if (made.bits >> 31) significand = -significand;
    exponent = (exponent ? exponent : 1) - 150;
    if (exponent < 0) return saturate(shift_right(significand, -exponent, rule), to, 1);
    if (exponent > 39) return saturate(significand < 0 ? -most - 1 : most, to, 1);
    return saturate(shift_left(significand, exponent), to, 1);
}
"""
"""The stage that rescales in float."""
