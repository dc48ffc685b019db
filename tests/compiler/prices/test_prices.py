"""Prices: the shipped table, those that a project imports, and what an environment costs."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lisa_compiler.cli.app import app
from lisa_compiler.prices.cost import ServiceCost, rate, total_cost
from lisa_compiler.prices.importing import read_prices
from lisa_compiler.prices.table import (
    Price,
    RegionPrices,
    load_prices,
    read_project_prices,
    save_project_prices,
    shipped_prices,
)
from lisa_schema.errors import LisaError

HEAD = [
    '"FormatVersion","v1.0"',
    '"Disclaimer","This pricing list is for informational purposes only."',
    '"Publication Date","2026-11-01T00:00:00Z"',
    '"Version","20261101000000"',
    '"OfferCode","AmazonEC2"',
]
COLUMNS = (
    "SKU,TermType,PriceDescription,EffectiveDate,Unit,PricePerUnit,Currency,Region Code,Instance Type,"
    "Tenancy,Operating System,CapacityStatus,Pre Installed S/W"
)


def offer_row(kind: str, price: str, **changes: str) -> str:
    row = {
        "TermType": "OnDemand",
        "Unit": "Hrs",
        "Region Code": "eu-west-1",
        "Tenancy": "Shared",
        "Operating System": "Linux",
        "CapacityStatus": "Used",
        "Pre Installed S/W": "NA",
        "Instance Type": kind,
        "PricePerUnit": price,
        "Currency": "USD",
        **changes,
    }
    return ",".join(f'"{row.get(name, "x")}"' for name in COLUMNS.split(","))


def offer(path: Path, *rows: str) -> Path:
    columns = ",".join(f'"{name}"' for name in COLUMNS.split(","))
    path.write_text("\n".join([*HEAD, columns, *rows]) + "\n", encoding="utf-8")
    return path


def test_the_shipped_prices_name_their_source_and_date() -> None:
    shipped = shipped_prices()
    assert {name: len(table.types) for name, table in shipped.items()} == {
        "us-east-1": 65,
        "us-gov-east-1": 19,
        "us-gov-west-1": 25,
    }
    for table in shipped.values():
        assert "Apache-2.0" in table.source
        assert table.as_of == date(2026, 7, 20)
        assert table.currency == "USD"


def test_a_price_of_another_region_is_never_taken(tmp_path: Path) -> None:
    prices = load_prices(tmp_path)
    known = Price(per_hour=Decimal("1.006000"), currency="USD", as_of=date(2026, 7, 20), is_old=False)
    assert prices.price("us-east-1", "g5.xlarge") == known
    for region in ("eu-west-1", "us-iso-east-1", "cn-north-1"):
        assert prices.price(region, "g5.xlarge") is None
    assert prices.price("us-east-1", "m5.large") is None


def test_the_rows_of_an_offer_file_that_count(tmp_path: Path) -> None:
    path = offer(
        tmp_path / "index.csv",
        offer_row("g5.xlarge", "1.1230000000"),
        offer_row("g5.xlarge", "0.5000000000", TermType="Reserved"),
        offer_row("g5.xlarge", "1.5000000000", **{"Operating System": "Windows"}),
        offer_row("g5.xlarge", "1.2000000000", Tenancy="Dedicated"),
        offer_row("g5.xlarge", "3.0000000000", **{"Pre Installed S/W": "SQL Std"}),
        offer_row("g5.xlarge", "0.0000000000", CapacityStatus="UnusedCapacityReservation"),
        offer_row("g5.xlarge", "9.0000000000", Unit="Quantity"),
        offer_row("m5.large", "0.1070000000"),
        offer_row("u-6tb1.metal", "0.0000000000"),
    )
    assert read_prices(path, "eu-west-1") == ({"g5.xlarge": Decimal("1.123"), "m5.large": Decimal("0.107")}, "USD")


def test_an_offer_file_is_read_line_by_line(tmp_path: Path) -> None:
    import tracemalloc

    skipped = offer_row("g5.xlarge", "0.5", TermType="Reserved")
    path = offer(tmp_path / "index.csv", *[skipped] * 20_000, offer_row("g5.xlarge", "1.123"))
    assert path.stat().st_size > 1_500_000
    tracemalloc.start()
    read_prices(path, "eu-west-1")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([offer_row("g5.xlarge", "1"), offer_row("g5.xlarge", "2")], "two prices of g5.xlarge"),
        ([offer_row("g5.xlarge", "free")], "no valid price of g5.xlarge"),
        ([offer_row("g5.xlarge", "-1")], "no valid price of g5.xlarge"),
        ([offer_row("g5.xlarge", "1", **{"Region Code": "eu-west-2"})], "Pass --region eu-west-2"),
        ([offer_row("g5.xlarge", "1", TermType="Reserved")], "no price on demand"),
    ],
)
def test_an_offer_file_that_cannot_be_used(tmp_path: Path, rows: list[str], words: str) -> None:
    with pytest.raises(LisaError, match=words):
        read_prices(offer(tmp_path / "index.csv", *rows), "eu-west-1")


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "instanceType\ng5.xlarge\n", "\x00\x01", "perHour\n1\n"])
def test_a_file_without_prices(tmp_path: Path, content: str) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(LisaError, match="has no columns of prices"):
        read_prices(path, "eu-west-1")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_bytes(b"instanceType,perHour\n\xff\xfe,1\n")
    with pytest.raises(LisaError, match="is not a CSV file in UTF-8"):
        read_prices(path, "eu-west-1")
    with pytest.raises(LisaError, match="cannot be read"):
        read_prices(tmp_path / "absent.csv", "eu-west-1")


def test_import_writes_a_sorted_file_and_keeps_other_regions(tmp_path: Path) -> None:
    small = tmp_path / "small.csv"
    small.write_text("# ours\ninstanceType,perHour,currency\np5.4xlarge,7,EUR\ng5.xlarge,1.25,EUR\n", "utf-8")
    runner = CliRunner()

    def run(region: str, day: str) -> None:
        options = ["--project", str(tmp_path), "--region", region, "--as-of", day]
        result = runner.invoke(app, ["prices", "import", str(small), *options])
        assert result.exit_code == 0, result.output

    run("us-iso-east-1", "2026-11-01")
    run("eu-west-1", "2026-10-01")
    content = json.loads((tmp_path / "prices.json").read_text("utf-8"))
    assert content == {
        "schemaVersion": 1,
        "regions": {
            "eu-west-1": {
                "asOf": "2026-10-01",
                "currency": "EUR",
                "source": "small.csv",
                "types": {"g5.xlarge": 1.25, "p5.4xlarge": 7.0},
            },
            "us-iso-east-1": {
                "asOf": "2026-11-01",
                "currency": "EUR",
                "source": "small.csv",
                "types": {"g5.xlarge": 1.25, "p5.4xlarge": 7.0},
            },
        },
    }
    before = (tmp_path / "prices.json").read_bytes()
    run("eu-west-1", "2026-10-01")
    assert (tmp_path / "prices.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--region", "eu-wset-1", "--as-of", "2026-11-01"], "Unknown Region"),
        (["--region", "eu-west-1", "--as-of", "today"], "not a date"),
    ],
)
def test_import_with_wrong_options(tmp_path: Path, arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, ["prices", "import", "x.csv", "--project", str(tmp_path), *arguments])
    assert result.exit_code in (1, 2)
    assert words in result.output + str(result.exception)
    assert not (tmp_path / "prices.json").exists()


def test_the_prices_of_a_project_win_where_they_have_one(tmp_path: Path) -> None:
    own = RegionPrices(as_of=date(2026, 11, 1), currency="USD", source="own", types={"m5.large": Decimal("0.1")})
    save_project_prices(tmp_path, {"us-east-1": own})
    prices = load_prices(tmp_path)
    found = prices.price("us-east-1", "m5.large")
    assert found is not None
    assert (found.per_hour, found.as_of) == (Decimal("0.1"), date(2026, 11, 1))
    shipped = prices.price("us-east-1", "g5.xlarge")
    assert shipped is not None
    assert shipped.as_of == date(2026, 7, 20)


def test_old_is_relative_to_the_newest_table_and_not_to_a_clock(tmp_path: Path) -> None:
    def save(day: date) -> None:
        table = RegionPrices(as_of=day, currency="USD", source="own", types={"g5.xlarge": Decimal(1)})
        save_project_prices(tmp_path, {"eu-west-1": table})

    save(date(2027, 1, 16))
    price = load_prices(tmp_path).price("us-east-1", "g5.xlarge")
    assert price is not None
    assert not price.is_old
    save(date(2027, 1, 17))
    price = load_prices(tmp_path).price("us-east-1", "g5.xlarge")
    assert price is not None
    assert price.is_old


def _with_types(types: str) -> str:
    table = f'{{"asOf": "2026-11-01", "currency": "USD", "source": "s", "types": {types}}}'
    return f'{{"schemaVersion": 1, "regions": {{"eu-west-1": {table}}}}}'


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        '{"schemaVersion": 2, "regions": {}}',
        '{"schemaVersion": 1}',
        '{"schemaVersion": 1, "regions": {"eu-west-1": {}}}',
        '{"schemaVersion": 1, "regions": {"r": {"asOf": "x", "currency": "USD", "source": "s", "types": {}}}}',
        _with_types('{"a": "b"}'),
        _with_types('{"a": true}'),
        _with_types('{"a": NaN}'),
        _with_types("[]"),
    ],
)
def test_a_damaged_file_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "prices.json").write_text(content, encoding="utf-8")
    with pytest.raises(LisaError, match=r"prices\.json"):
        read_project_prices(tmp_path)


def _cost(name: str, low: int, high: int, price: str | None, currency: str = "USD") -> ServiceCost:
    found = None
    if price is not None:
        found = Price(per_hour=Decimal(price), currency=currency, as_of=date(2026, 7, 20), is_old=False)
    return ServiceCost(name=name, instance_type="g5.xlarge", low=low, high=high, price=found)


def test_the_total_leaves_out_what_is_unknown_and_names_it() -> None:
    total = total_cost([_cost("a", 1, 3, "1.5"), _cost("b", 0, 2, "2"), _cost("Gateway", 1, 1, None)])
    assert total is not None
    assert (total.low, total.high, total.unknown) == (Decimal("1.5"), Decimal("8.5"), ("Gateway",))


def test_prices_of_several_currencies_are_not_added() -> None:
    assert total_cost([_cost("a", 1, 1, "1"), _cost("b", 1, 1, "1", "CNY")]) is None


@pytest.mark.parametrize(
    ("amount", "text"), [("0", "0.00"), ("0.0042", "0.0042"), ("1.006", "1.006"), ("2", "2.00"), ("1468.7", "1,468.70")]
)
def test_rate(amount: str, text: str) -> None:
    assert rate(Decimal(amount)) == text
