"""Rules about Regions and what they have; those of ARNs are in lisa_schema.rules.arns."""

from __future__ import annotations

from collections.abc import Iterator

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.models import AssetImage, Config, OpenSearchDomain, RegistryImage, RepositoryType
from lisa_schema.regions import TABLE_DATE, nearest_regions, region
from lisa_schema.registries import is_on_internet, is_public_site, registry_host
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import services


@rule("LISA340", "region-known", "Use an existing Region.")
def region_known(config: Config) -> Iterator[RuleViolation]:
    """The Region must exist; a name that may be of a newer Region is a warning."""
    home = region(config.region)
    if home is not None and home.is_listed:
        return
    near = nearest_regions(config.region)
    fix = f"Choose {' or '.join(near)}." if near else None
    if home is None:
        yield RuleViolation(("region",), f"Unknown Region `{config.region}`.", fix)
        return
    message = (
        f"It is not known whether the Region `{home.name}` exists and what it has: the Region table is of "
        f"{TABLE_DATE}. It is compiled as a Region of the partition {home.partition.id}."
    )
    yield RuleViolation(("region",), message, fix, (), Severity.WARNING)


@rule("LISA341", "iso-needs-index", "Set pypiConfig.indexUrl to the package index of your network.")
def iso_needs_index(config: Config) -> Iterator[RuleViolation]:
    """In an isolated Region pypiConfig.indexUrl must be set, since the public index cannot be reached."""
    home = region(config.region)
    if home is not None and home.is_iso and not config.pypi_config.index_url:
        message = f"{home.name} is isolated; builds require a package index in your network."
        yield RuleViolation(("pypiConfig", "indexUrl"), message, None, (("region",),))


@rule("LISA345", "service-offered", "Use another repository type, or another Region.")
def service_offered(config: Config) -> Iterator[RuleViolation]:
    """The Region must offer the services of the RAG repositories; where this is not known, it is a warning."""
    home = region(config.region)
    if home is None or not config.deploy_rag:
        return
    for index, repository in enumerate(config.rag_repositories):
        is_created = (
            isinstance(repository.opensearch_config, OpenSearchDomain)
            if repository.type is RepositoryType.OPENSEARCH
            else repository.rds_config is not None and repository.rds_config.db_host is None
        )
        kind = "AWS::OpenSearchService::Domain" if repository.type == "opensearch" else "AWS::RDS::DBInstance"
        if not is_created or home.supports(kind):
            continue
        at = ("ragRepositories", index, "type")
        if home.supports(kind) is False:
            message = f"The Region {home.name} has no {kind}, according to the Region table of {TABLE_DATE}."
            yield RuleViolation(at, message, None, (("region",),))
        elif home.is_listed:
            message = f"It is not known whether {home.name} has {kind}: the Region table is of {TABLE_DATE}."
            yield RuleViolation(at, message, None, (("region",),), Severity.WARNING)


@rule(
    "LISA379",
    "image-in-isolated-region",
    "Copy the image to a registry of your network and write its name there, or build outside and use an image of type "
    "tarball.",
)
def image_in_isolated_region(config: Config) -> Iterator[RuleViolation]:
    """In an isolated Region images and packages must not come from the internet, which nothing there reaches."""
    home = region(config.region)
    if home is None or not home.is_iso:
        return
    urls: dict[Path, str] = {
        ("pypiConfig", "indexUrl"): config.pypi_config.index_url,
        ("condaUrl",): config.conda_url,
        ("mountS3DebUrl",): config.mount_s3_deb_url or "",
    }
    for where, url in urls.items():
        if url and is_public_site(url):
            message = f"`{url}` is on the internet, which {home.name} cannot reach."
            yield RuleViolation(where, message, "Write the address of a copy in your network.", (("region",),))
    for path, service in services(config):
        image = service.container_config.image
        at: Path = (*path, "containerConfig", "image")
        if isinstance(image, AssetImage):
            key, name = "baseImage", image.base_image
        elif isinstance(image, RegistryImage):
            key, name = "registry", image.registry
        else:
            continue
        if is_on_internet(name, home.dns_suffix):
            message = f"`{name}` comes from {registry_host(name)}, which {home.name} cannot reach."
            yield RuleViolation((*at, key), message, None, (("region",),))
