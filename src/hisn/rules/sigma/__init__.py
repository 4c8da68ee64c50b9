"""Lower Sigma rules (specification 2.1) to expressions; pySigma is the front end."""

from hisn.rules.sigma.load import RuleFile, build_pack

__all__ = ["RuleFile", "build_pack"]
