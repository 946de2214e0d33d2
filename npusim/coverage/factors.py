"""Prime factors and divisors, by which products are solved for."""

from __future__ import annotations

from math import gcd, isqrt, prod

_SMALL = 1 << 10


def factorize(number: int) -> tuple[int, ...]:
    """The prime factors of a positive integer, ascending: trial division, then Pollard's rho.

    Examples
    --------
    >>> factorize(2**46 - 1)
    (3, 47, 178481, 2796203)
    """
    found = []
    for divisor in [2, *range(3, _SMALL, 2)]:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
    pending = [number] if number > 1 else []
    while pending:
        number = pending.pop()
        if number < _SMALL * _SMALL or _passes_fermat(number):
            found.append(number)
            continue
        divisor = _rho(number)
        pending += [divisor, number // divisor]
    return tuple(sorted(found))


def divisors(factors: tuple[int, ...]) -> list[int]:
    """All positive divisors of the product of some primes, ascending."""
    found = {1}
    for factor in factors:
        found |= {divisor * factor for divisor in found}
    assert max(found) == prod(factors)
    return sorted(found)


def _passes_fermat(number: int) -> bool:
    """Strong pseudoprime to the first twelve primes: prime, below 3.3e24."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        power = pow(base, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def _rho(number: int) -> int:
    """A proper divisor of a composite number."""
    if isqrt(number) ** 2 == number:
        return isqrt(number)
    for constant in range(1, number):
        slow = fast = 2
        divisor = 1
        while divisor == 1:
            slow = (slow * slow + constant) % number
            fast = (fast * fast + constant) % number
            fast = (fast * fast + constant) % number
            divisor = gcd(slow - fast, number)
        if divisor != number:
            return divisor
    raise AssertionError(f"{number} is prime")
