"""Tables of prices: the shipped one, and prices.json of a project, which wins where it has a price."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from lisa_schema.atomic_file import replace_file
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from pathlib import Path

PRICES_FILE: Final = "prices.json"
"""The prices that a project imports, in the directory of config.yaml."""

SCHEMA_VERSION: Final = 1
_OLD: Final = timedelta(days=180)
_RESTORE: Final = "restore it from git, or import the prices again with `lisa prices import`."


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPrices:
    """Prices of one Region.

    Attributes:
        as_of: the date that they hold for.
        currency: `USD`.
        source: where they come from.
        types: price of an hour by instance type.
    """

    as_of: date
    currency: str
    source: str
    types: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of an instance type.

    Attributes:
        per_hour: price of an hour.
        currency: `USD`.
        as_of: the date that it holds for.
        is_old: whether it is 180 days older than the newest date of all tables; the machine's clock is not asked.
    """

    per_hour: Decimal
    currency: str
    as_of: date
    is_old: bool


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices by Region.

    Attributes:
        regions: the tables, the one that wins first.
    """

    regions: Mapping[str, tuple[RegionPrices, ...]] = field(default_factory=dict)

    def price(self, region: str, instance_type: str) -> Price | None:
        """Return the price of an instance type in a Region; None when it is unknown, never another Region's."""
        for table in self.regions.get(region, ()):
            per_hour = table.types.get(instance_type)
            if per_hour is not None:
                is_old = self.newest is not None and table.as_of < self.newest - _OLD
                return Price(per_hour=per_hour, currency=table.currency, as_of=table.as_of, is_old=is_old)
        return None

    @property
    def newest(self) -> date | None:
        """The newest date of all tables; None without one."""
        return max((table.as_of for tables in self.regions.values() for table in tables), default=None)


def load_prices(project: Path) -> PriceTable:
    """Read the prices of a project, and the shipped ones behind them.

    Raises:
        LisaError: prices.json cannot be read, or does not have the form of this version.
    """
    own = read_project_prices(project)
    shipped = shipped_prices()
    names = {**own, **shipped}
    return PriceTable({name: tuple(table[name] for table in (own, shipped) if name in table) for name in sorted(names)})


def read_project_prices(project: Path) -> dict[str, RegionPrices]:
    """Read prices.json of a project, by Region; empty when there is none.

    Raises:
        LisaError: it cannot be read, or does not have the form of this version.
    """
    path = project / PRICES_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise LisaError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise LisaError(f"{path} is not JSON ({error}): {_RESTORE}") from error
    if not isinstance(content, dict) or content.get("schemaVersion") != SCHEMA_VERSION:
        raise LisaError(f"{path} does not have schemaVersion {SCHEMA_VERSION}: use the LISA that wrote it.")
    try:
        return {str(name): _region(value) for name, value in content["regions"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
        raise LisaError(f"{path} is not a valid table of prices ({error!r}): {_RESTORE}") from error


def save_project_prices(project: Path, regions: Mapping[str, RegionPrices]) -> Path:
    """Write prices.json of a project, sorted; equal prices have equal bytes.

    Raises:
        LisaError: it cannot be written, and is unchanged.
    """
    path = project / PRICES_FILE
    content = {
        "schemaVersion": SCHEMA_VERSION,
        "regions": {
            name: {
                "asOf": table.as_of.isoformat(),
                "currency": table.currency,
                "source": table.source,
                "types": {kind: float(price) for kind, price in sorted(table.types.items())},
            }
            for name, table in sorted(regions.items())
        },
    }
    try:
        replace_file(path, (json.dumps(content, indent=2) + "\n").encode(), mode=0o644)
    except OSError as error:
        raise LisaError(f"{path} could not be written and is unchanged: {error.strerror}.") from error
    return path


@cache
def shipped_prices() -> Mapping[str, RegionPrices]:
    """Return the shipped prices, by Region; a Region that is not among them is unknown."""
    text = (resources.files("lisa_compiler.prices") / "data" / "prices.csv").read_text(encoding="utf-8")
    # No cell has a comma or a quote, and the csv module takes longer to import than everything else here.
    source, _, *lines = text.splitlines()
    found: dict[str, list[list[str]]] = {}
    for line in lines:
        region, *cells = line.split(",")
        found.setdefault(region, []).append(cells)
    return {
        region: RegionPrices(
            as_of=date.fromisoformat(rows[0][3]),
            currency=rows[0][1],
            source=source.removeprefix("# "),
            types={name: Decimal(price) for name, _, price, _ in rows},
        )
        for region, rows in found.items()
    }


def _region(value: Any) -> RegionPrices:
    prices = {str(name): price_of(price) for name, price in value["types"].items()}
    return RegionPrices(
        as_of=date.fromisoformat(value["asOf"]),
        currency=str(value["currency"]),
        source=str(value["source"]),
        types=prices,
    )


def price_of(value: Any) -> Decimal:
    """Read a price.

    Raises:
        ValueError: it is not a number from 0 to 100,000.
    """
    try:
        price = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is not a price") from error
    if isinstance(value, bool) or not price.is_finite() or not 0 <= price <= 100_000:
        raise ValueError(f"{value!r} is not a price")
    return price
