"""Variables of the models function."""

from __future__ import annotations

from lisa_lambdas.environment import Environment


class ModelsEnvironment(Environment):
    """Environment of the models function.

    Attributes:
        configuration_ps_name: parameter of the environment's configuration without its models, CONFIGURATION_PS_NAME.
        environment: name of the environment, ENVIRONMENT.
        models_ps_path: path below which each hosted model has its parameter, MODELS_PS_PATH.
        proposals_table_name: the table of proposals, PROPOSALS_TABLE_NAME.
    """

    configuration_ps_name: str
    environment: str
    models_ps_path: str
    proposals_table_name: str
