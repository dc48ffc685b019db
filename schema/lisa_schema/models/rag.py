"""Retrieval augmented generation: repositories of documents."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from lisa_schema.models.base import ConfigModel, Count, Flag, HostName, Integer, Positive, pattern_string
from lisa_schema.models.enums import FunctionUser, RepositoryType

_OpenSearchInstance = Annotated[
    str, pattern_string(r"^[a-z0-9-]+\.[a-z0-9-]+\.search$", "an OpenSearch instance type, such as r7g.large.search")
]
_SqlName = Annotated[
    str,
    pattern_string(r"^[A-Za-z][A-Za-z0-9_]{0,62}$", "up to 63 letters, digits and underscores, starting with a letter"),
]


class OpenSearchDomain(ConfigModel):
    """An OpenSearch domain that LISA creates."""

    data_nodes: Positive = Field(description="Data nodes.", examples=[2])
    data_node_instance_type: _OpenSearchInstance = Field(
        description="Instance type of the data nodes.", examples=["r7g.large.search"]
    )
    master_nodes: Count = Field(description="Dedicated master nodes; 0 for none.", examples=[0])
    master_node_instance_type: _OpenSearchInstance = Field(
        description="Instance type of the master nodes.", examples=["r7g.large.search"]
    )
    volume_size: Annotated[Integer, Field(ge=10)] = Field(description="Volume of each data node in GiB.", examples=[20])
    multi_az_with_standby: Flag = Field(
        default=False, description="Whether a third Availability Zone is a standby for the other two."
    )


class OpenSearchEndpoint(ConfigModel):
    """An OpenSearch domain that exists."""

    endpoint: Annotated[
        str,
        pattern_string(
            r"^(https://)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?/?$",
            "the host of an OpenSearch domain, with or without https://",
        ),
    ] = Field(
        description="Endpoint of the domain.",
        examples=["vpc-search-abc.us-east-1.es.amazonaws.com"],
    )


def opensearch_kind(value: Any) -> str:
    """Name the kind of an opensearchConfig: `endpoint` for one that exists, `domain` for one to create."""
    if isinstance(value, dict):
        return "endpoint" if "endpoint" in value else "domain"
    return "endpoint" if isinstance(value, OpenSearchEndpoint) else "domain"


OpenSearchConfig = Annotated[
    Annotated[OpenSearchDomain, Tag("domain")] | Annotated[OpenSearchEndpoint, Tag("endpoint")],
    Discriminator(opensearch_kind),
]


class RdsConfig(ConfigModel):
    """The PostgreSQL database of a pgvector repository."""

    username: _SqlName = Field(
        description=(
            "Administrator of the database, who prepares it when it is deployed; with `functionUser: configured`, the "
            "user of the RAG function."
        ),
        examples=["postgres"],
    )
    password_secret_id: str | None = Field(
        default=None, description="Secrets Manager secret with the password of `username` in an existing database."
    )
    db_host: HostName | None = Field(
        default=None, description="Host of an existing database; default: LISA creates one."
    )
    db_name: _SqlName = Field(default="postgres", description="Name of the database.")
    function_user: FunctionUser | None = Field(
        default=None,
        description=(
            "User that the RAG function signs in as. `iam`: LISA creates a user that can read, add and delete "
            "documents, with IAM database authentication. `password`: likewise, with a generated password. "
            "`configured`: `username`. Default: `iam` for a database that LISA creates, otherwise `configured`."
        ),
        examples=["iam"],
    )
    dbi_resource_id: (
        Annotated[
            str,
            pattern_string(
                r"^(db|cluster|prx)-[A-Za-z0-9]+$", "the resource ID of an RDS instance, Aurora cluster or RDS Proxy"
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="Resource ID of an existing RDS database; `functionUser: iam` requires it.",
        examples=["db-ABCDEFGHIJKL01234"],
    )

    @property
    def signs_in(self) -> FunctionUser:
        """The user that the RAG function signs in as, also where the configuration does not choose."""
        if self.function_user is not None:
            return self.function_user
        return FunctionUser.IAM if self.db_host is None else FunctionUser.CONFIGURED


class RagRepository(ConfigModel):
    """A repository of documents with their embeddings."""

    repository_id: Annotated[
        str, pattern_string(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$", "up to 63 letters, digits, hyphens and underscores")
    ] = Field(
        description="Identifier of the repository.",
        examples=["pgvector-rag"],
    )
    type: RepositoryType = Field(description="Type of the store.")
    opensearch_config: OpenSearchConfig | None = Field(
        default=None, description="The OpenSearch domain: a new one, or the endpoint of an existing one."
    )
    rds_config: RdsConfig | None = Field(default=None, description="The PostgreSQL database of a pgvector repository.")


class RagFileProcessingConfig(ConfigModel):
    """How documents are split into chunks."""

    chunk_size: Annotated[Integer, Field(ge=100, le=10000)] = Field(
        description="Characters in a chunk.", examples=[512]
    )
    chunk_overlap: Count = Field(description="Number of characters that adjacent chunks share.", examples=[51])
