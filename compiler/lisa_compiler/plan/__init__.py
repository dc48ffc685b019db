"""Planning: from a validated configuration to frozen data that says what is deployed and what it is called."""

from lisa_compiler.plan.deployment import Deployment, LayerPlan, RepositoryPlan, StackPlan
from lisa_compiler.plan.names import Names
from lisa_compiler.plan.planner import plan
from lisa_compiler.plan.service_plans import ModelPlan, ServicePlan

__all__ = [
    "Deployment",
    "LayerPlan",
    "ModelPlan",
    "Names",
    "RepositoryPlan",
    "ServicePlan",
    "StackPlan",
    "plan",
]
