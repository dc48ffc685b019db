"""What the instances of an environment cost: an hour and a month, at minimum and maximum capacity."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lisa_compiler.prices.table import Price

HOURS_OF_MONTH: Final = 730


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCost:
    """What the instances of one service cost.

    Attributes:
        name: the service.
        instance_type: type of its instances.
        low: fewest instances.
        high: most instances.
        price: price of an instance; None when it is unknown.
        hours: instance-hours of a month at minimum and maximum capacity, by a schedule; None without one.
    """

    name: str
    instance_type: str
    low: int
    high: int
    price: Price | None
    hours: tuple[Decimal, Decimal] | None = None

    @property
    def monthly_hours(self) -> tuple[Decimal, Decimal]:
        """Instance-hours of a month at minimum and at maximum capacity."""
        return self.hours or (Decimal(self.low * HOURS_OF_MONTH), Decimal(self.high * HOURS_OF_MONTH))

    def monthly(self) -> tuple[Decimal, Decimal] | None:
        """Return the price of a month at minimum and at maximum capacity; None when it is unknown."""
        if self.price is None:
            return None
        low, high = self.monthly_hours
        return self.price.per_hour * low, self.price.per_hour * high

    def hourly(self, instances: int) -> Decimal | None:
        """Return the price of an hour with so many instances; None when it is unknown."""
        return None if self.price is None else self.price.per_hour * instances


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalCost:
    """What all instances cost.

    Attributes:
        low: price of an hour at minimum capacity, of the services with a price.
        high: that at maximum capacity.
        monthly: price of a month at minimum and maximum capacity, by the schedules.
        currency: of the prices; None when none is known.
        unknown: names of the services whose price is unknown.
    """

    low: Decimal
    high: Decimal
    monthly: tuple[Decimal, Decimal]
    currency: str | None
    unknown: tuple[str, ...]


def total_cost(costs: Iterable[ServiceCost]) -> TotalCost | None:
    """Add up costs; None when the prices are in several currencies."""
    costs = tuple(costs)
    currencies = {cost.price.currency for cost in costs if cost.price is not None}
    if len(currencies) > 1:
        return None
    return TotalCost(
        low=sum((cost.hourly(cost.low) or Decimal(0) for cost in costs), Decimal(0)),
        high=sum((cost.hourly(cost.high) or Decimal(0) for cost in costs), Decimal(0)),
        monthly=(_sum(costs, 0), _sum(costs, 1)),
        currency=next(iter(currencies), None),
        unknown=tuple(cost.name for cost in costs if cost.price is None),
    )


def _sum(costs: Iterable[ServiceCost], side: int) -> Decimal:
    return sum((found[side] for cost in costs if (found := cost.monthly()) is not None), Decimal(0))


def money(amount: Decimal) -> str:
    """Write the amount of a month, with two digits."""
    return f"{amount:,.2f}"


def rate(amount: Decimal) -> str:
    """Write the amount of an hour, with two digits, or up to four where it has more."""
    text = f"{amount:,.4f}"
    return text[:-2] + text[-2:].rstrip("0")
