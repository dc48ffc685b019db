"""Import prices from a file that the user brings: AWS's offer file of EC2, or a CSV file with two columns.

The offer file is `…/offers/v1.0/aws/AmazonEC2/current/<region>/index.csv`: five lines of head, then a row of column
names. It has hundreds of megabytes, and is read line by line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, Final

from lisa_compiler.prices.table import price_of
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from pathlib import Path

_OFFER: Final = {
    "TermType": "OnDemand",
    "Operating System": "Linux",
    "Tenancy": "Shared",
    "Pre Installed S/W": "NA",
    "CapacityStatus": "Used",
    "Unit": "Hrs",
}
"""Columns of the offer file, and the value of those rows that are kept."""

_OFFER_REGION: Final = "Region Code"
_HEAD: Final = 20
"""Lines among which the column names are looked for."""

_TYPE: Final = ("instanceType", "Instance Type")
_PRICE: Final = ("perHour", "PricePerUnit")


def read_prices(path: Path, region: str) -> tuple[dict[str, Decimal], str]:
    """Read the price of an hour by instance type.

    Args:
        path: the file.
        region: the Region that the prices are for; rows of another Region are an error of the user.

    Returns:
        The prices, and the currency.

    Raises:
        LisaError: the file cannot be read, has no columns of prices, no price, another Region, or two prices of a type.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            columns = _columns(stream, path)
            rows = csv.DictReader(stream, fieldnames=columns)
            return _collect(rows, path, region, is_offer="TermType" in columns)
    except OSError as error:
        raise LisaError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LisaError(f"{path} is not a CSV file in UTF-8 ({error}).") from error


def _columns(stream: IO[str], path: Path) -> list[str]:
    """Read until the row of column names."""
    for row, _ in zip(csv.reader(iter(stream.readline, "")), range(_HEAD), strict=False):
        names = [name.strip() for name in row]
        if any(name in names for name in _TYPE) and any(name in names for name in _PRICE):
            return names
    raise LisaError(
        f"{path} has no columns of prices. Use AWS's offer file of EC2 (index.csv of one Region), or a CSV file with "
        "the columns instanceType and perHour."
    )


def _collect(
    rows: Iterable[Mapping[str, Any]], path: Path, region: str, *, is_offer: bool
) -> tuple[dict[str, Decimal], str]:
    prices: dict[str, Decimal] = {}
    currency = "USD"
    for row in rows:
        if is_offer and any(row.get(name) != value for name, value in _OFFER.items()):
            continue
        name = next((row[key] for key in _TYPE if row.get(key)), "")
        text = next((row[key] for key in _PRICE if row.get(key)), "")
        if not name or name.startswith("#"):
            continue
        found = row.get(_OFFER_REGION) or row.get("region") or region
        if found != region:
            if not is_offer:
                continue
            raise LisaError(f"{path} has prices of the Region {found}, not of {region}. Pass --region {found}.")
        price = _price(text, name, path)
        if price == 0 and is_offer:
            continue
        if prices.get(name, price) != price:
            raise LisaError(f"{path} has two prices of {name}: {prices[name]} and {price}. Remove one of the rows.")
        prices[name] = price
        currency = (row.get("Currency") or row.get("currency") or currency).strip()
    if not prices:
        raise LisaError(f"{path} has no price on demand of Linux instances for {region}.")
    return prices, currency


def _price(text: str, name: str, path: Path) -> Decimal:
    try:
        return price_of(text.strip())
    except ValueError as error:
        raise LisaError(f"{path} has no valid price of {name}: {error}.") from error
