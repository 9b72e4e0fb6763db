"""Who calls: the principals of the demo account, their access keys, and the sessions STS hands out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from console.world.errors import AwsError

ACCOUNT = "123456789012"
SECRET = "lastgood-embedded-world-signatures-are-not-checked"

CLI_AGENT = (
    "aws-cli/2.31.9 md/awscrt#0.27.6 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.13.7 "
    "md/pyimpl#CPython m/b,E,n cfg/retry-mode#standard md/prompt#off md/command#sagemaker.update-endpoint"
)
CI_AGENT = (
    "aws-cli/2.31.9 md/awscrt#0.27.6 ua/2.1 os/linux#4.14 md/arch#x86_64 lang/python#3.13.7 "
    "exec-env/AWS_CodeBuild cfg/retry-mode#standard md/prompt#off md/command#sagemaker.update-endpoint"
)
TERRAFORM_AGENT = (
    "APN/1.0 HashiCorp/1.0 Terraform/1.13.3 (+https://www.terraform.io) terraform-provider-aws/6.14.1 "
    "(+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.39.2 ua/2.1 os/linux lang/go#1.24.6 "
    "md/GOOS#linux md/GOARCH#amd64 api/sagemaker#1.218.0"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal as one request shows it."""

    arn: str
    access_key: str
    user_agent: str = CLI_AGENT
    source_ip: str = "10.24.3.17"

    @property
    def role(self) -> str | None:
        """Name of the assumed role, None for an IAM user."""
        return self.arn.split("/")[1] if ":assumed-role/" in self.arn else None

    @property
    def name(self) -> str:
        """CloudTrail's `Username`: the session's name of a role, the user's name otherwise."""
        return self.arn.rsplit("/", 1)[1]

    @property
    def principal_id(self) -> str:
        """STS' `UserId`."""
        stem = hashlib.sha256((self.role or self.name).encode()).hexdigest()[:16].upper()
        return f"AROA{stem}:{self.name}" if self.role else f"AIDA{stem}"


def role_session(role: str, session: str, *, agent: str = CLI_AGENT, ip: str = "10.24.3.17") -> Caller:
    stem = hashlib.sha256(f"{role}/{session}".encode()).hexdigest()[:16].upper()
    return Caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}", f"ASIA{stem}", agent, ip)


ONCALL = role_session("OnCall", "maria.lindt")
CI = role_session("ci-deployer", "codepipeline", agent=CI_AGENT, ip="codebuild.amazonaws.com")
TERRAFORM = role_session("terraform", "terraform-cloud", agent=TERRAFORM_AGENT, ip="52.86.200.106")


class Identities:
    """Access key to principal. An unknown key is an IAM user of its own, so that any test credentials work."""

    def __init__(self) -> None:
        self._by_key = {caller.access_key: caller for caller in (ONCALL, CI, TERRAFORM)}
        self._expires: dict[str, float] = {}

    def assume(self, role: str, session: str, agent: str, now: float, seconds: float) -> tuple[Caller, float]:
        """A new session and its expiry (epoch seconds). Each call has a key of its own, as STS' have."""
        fresh = role_session(role, session, agent=agent)
        stem = hashlib.sha256(f"{fresh.arn}{now}{len(self._expires)}".encode()).hexdigest()[:16].upper()
        caller = replace(fresh, access_key=f"ASIA{stem}")
        self._by_key[caller.access_key] = caller
        self._expires[caller.access_key] = now + seconds
        return caller, now + seconds

    def caller(self, access_key: str, user_agent: str, source_ip: str, now: float) -> Caller:
        """Raises MissingAuthenticationToken for an unsigned request, ExpiredTokenException once a session is over."""
        if not access_key:
            raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        if now >= self._expires.get(access_key, float("inf")):
            raise AwsError("ExpiredTokenException", "The security token included in the request is expired")
        known = self._by_key.get(access_key)
        arn = known.arn if known else f"arn:aws:iam::{ACCOUNT}:user/{access_key.lower()}"
        return Caller(arn, access_key, user_agent, source_ip)
