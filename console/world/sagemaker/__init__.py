"""SageMaker. Importing the package registers its operations."""

from console.world.sagemaker import components, endpoint_operations, pipelines, resources, runs, search, steps, tags  # noqa: F401
