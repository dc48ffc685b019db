"""A quantity that is known to lie in a range."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its limits.

    Attributes:
        low: the lowest value.
        point: the best estimate.
        high: the highest value.
    """

    low: float
    point: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Quantity:
        """A number without a margin."""
        return cls(value, value, value)

    def plus(self, other: Quantity) -> Quantity:
        """The sum."""
        return Quantity(self.low + other.low, self.point + other.point, self.high + other.high)

    def minus(self, other: Quantity) -> Quantity:
        """The difference: lowest where the other is highest."""
        return Quantity(self.low - other.high, self.point - other.point, self.high - other.low)

    def times(self, factor: float) -> Quantity:
        """The product with a factor that is not negative."""
        return Quantity(self.low * factor, self.point * factor, self.high * factor)

    def widened(self, other: Quantity) -> Quantity:
        """The range of both, with the point of the other."""
        return Quantity(min(self.low, other.low), other.point, max(self.high, other.high))
