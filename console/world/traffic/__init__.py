"""Load on endpoints, and what SageMaker reports of it to CloudWatch: computed on demand, nothing is stored."""
