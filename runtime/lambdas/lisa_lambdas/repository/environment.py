"""What the rag stack tells the repository function."""

from __future__ import annotations

from lisa_lambdas.environment import Environment


class RepositoryEnvironment(Environment):
    """The function's variables.

    Attributes:
        bucket_name: the documents bucket.
        chunk_size: characters in a chunk, unless a request says otherwise.
        chunk_overlap: characters that neighbouring chunks share, unless a request says otherwise.
        lisa_api_url_ps_name: Parameter Store name of the REST API's address.
        rest_api_version: version of the REST API, as in its paths.
        repositories_ps_path: path in Parameter Store below which each repository has its parameter.
        repository_access_ps_name: Parameter Store name of what each group may use; empty when all callers may use all.
        database_ca_file: certificates of the authorities of databases, as the compiler wrote them; empty without any.
        aws_ca_bundle: certificates of all authorities that the deployment trusts; empty for those of the system. A
            runtime of Lambda may set SSL_CERT_FILE, which otherwise names the same file, by itself.
        database_encrypted: whether connections to databases must be; only tests and local development go without.
    """

    bucket_name: str
    chunk_size: int
    chunk_overlap: int
    lisa_api_url_ps_name: str
    rest_api_version: str
    repositories_ps_path: str
    repository_access_ps_name: str = ""
    database_ca_file: str = ""
    aws_ca_bundle: str = ""
    database_encrypted: bool = True
