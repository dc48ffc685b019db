"""Some of these tests import the AWS CDK into their own process: it runs on the compiler's Node.js."""

from __future__ import annotations

import os

from lisa_compiler.emit.cloudformation.environment import node

os.environ["JSII_NODE"] = str(node())
