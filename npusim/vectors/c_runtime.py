"""What the generated C rests on: the primitives of ARITHMETIC.md A on 64-bit integers.

Sums and products are made on unsigned integers, where C defines what overflows.
"""

from __future__ import annotations

from string import Template

from npusim.spec.rounding import Rounding

_RULES = ", ".join(f"ROUND_{rule.name}" for rule in Rounding)

_HEAD = f"""\
#if defined(__GNUC__)
#define UNUSED __attribute__((unused))
#else
#define UNUSED
#endif

enum {{ {_RULES} }};

"""

_PRIMITIVES = """\
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

/* A1: 0 or 1, what a rule adds to the floored quotient. */
UNUSED static long long increment(int rule, int guard, int sticky, int sign, int last) {
    switch (rule) {
    case ROUND_HALF_UP: return guard;
    case ROUND_HALF_DOWN: return guard & sticky;
    case ROUND_HALF_TOWARD_ZERO: return guard & (sign | sticky);
    case ROUND_HALF_AWAY: return guard & ((!sign) | sticky);
    case ROUND_HALF_EVEN: return guard & (last | sticky);
    case ROUND_HALF_ODD: return guard & ((!last) | sticky);
    case ROUND_TOWARD_ZERO: return sign & (guard | sticky);
    case ROUND_CEIL: return guard | sticky;
    case ROUND_AWAY: return (!sign) & (guard | sticky);
    default: return 0;
    }
}

UNUSED static long long shift_right(long long v, long long n, int rule) {
    long long quotient = floored(v, n);
    int guard, sticky;
    if (n == 0) return v;
    guard = (int)(floored(v, n - 1) & 1);
    sticky = n > 64 ? v != 0 : ((word)v & (((word)1 << (n - 1)) - 1)) != 0;
    return quotient + increment(rule, guard, sticky, v < 0, (int)(quotient & 1));
}

/* A.divide: the divisor is positive; twice a rest may not fit into a signed word. */
UNUSED static long long divide(long long v, long long by, int rule) {
    long long quotient = v / by, rest = v % by;
    int last, sign = v < 0;
    word twice;
    if (rest < 0) {
        rest += by;
        quotient -= 1;
    }
    twice = (word)rest * 2;
    last = (int)(quotient & 1);
    return quotient + increment(rule, twice >= (word)by, rest && twice != (word)by, sign, last);
}

/* A.significant: the bits below the highest `digits` are rounded away. */
UNUSED static long long significant(long long v, long long digits, int rule) {
    word rest = v < 0 ? ~(word)v : (word)v;
    long long excess = -digits;
    while (rest) {
        rest >>= 1;
        excess += 1;
    }
    return excess > 0 ? shift_left(shift_right(v, excess, rule), excess) : v;
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

RUNTIME = _HEAD + _PRIMITIVES
"""The primitives."""

_FLOAT = """
/* A.@name: both float operations round half to even; the product is then taken apart exactly. */
UNUSED static long long @name(long long v, long long scale, int rule, int to) {
    union { @type value; unsigned @word bits; } made;
    volatile @type converted = (@type)v, product;
    long long significand, most = 0x7fffffffffffffffLL;
    int exponent;
    made.bits = (unsigned @word)scale;
    product = converted * made.value;
    made.value = product;
    exponent = (int)(made.bits >> @fraction & @mask);
    significand = (long long)(made.bits & (((unsigned @word)1 << @fraction) - 1));
    if (exponent) significand |= 1LL << @fraction;
    if (made.bits >> @top) significand = -significand;
    exponent = (exponent ? exponent : 1) - @bias;
    if (exponent < 0) return saturate(shift_right(significand, -exponent, rule), to, 1);
    if (exponent > 62 - @fraction) return saturate(significand < 0 ? -most - 1 : most, to, 1);
    return saturate(shift_left(significand, exponent), to, 1);
}
"""


def _float_runtime(name: str, c_type: str, word: str, fraction: int, exponent_bits: int) -> str:
    least = 3 - (1 << (exponent_bits - 1)) - (fraction + 1)
    return _Text(_FLOAT).substitute(
        name=name,
        type=c_type,
        word=word,
        fraction=fraction,
        mask=(1 << exponent_bits) - 1,
        top=fraction + exponent_bits,
        bias=1 - least,
    )


class _Text(Template):
    delimiter = "@"


FLOAT_RUNTIMES = {
    "float32": _float_runtime("float32", "float", "int", 23, 8),
    "float64": _float_runtime("float64", "double", "long long", 52, 11),
}
"""The stages that rescale in float, by their names."""
