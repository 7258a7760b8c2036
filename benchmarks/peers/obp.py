"""The same estimates by the package obp (Saito et al., NeurIPS 2021), to check ours against.

``python -m benchmarks.peers.obp FILE``: an archive of action, reward, propensity, target and
believed, as `corank.evaluate.off_policy.estimate` takes them; prints estimates as JSON.
"""

import json
import sys

import numpy as np
from obp.ope import (
    DirectMethod,
    DoublyRobust,
    InverseProbabilityWeighting,
    SelfNormalizedInverseProbabilityWeighting,
)


def main() -> None:
    """Read, estimate, print."""
    with np.load(sys.argv[1], allow_pickle=False) as given:
        log = {"reward": given["reward"], "action": given["action"]}
        log["position"] = np.zeros(len(log["action"]), int)
        target, believed = given["target"][:, :, None], given["believed"][:, :, None]
        weighted = {**log, "pscore": given["propensity"], "action_dist": target}
    model = {"estimated_rewards_by_reg_model": believed}
    found = {
        "ips": InverseProbabilityWeighting().estimate_policy_value(**weighted),
        "snips": SelfNormalizedInverseProbabilityWeighting().estimate_policy_value(**weighted),
        "dm": DirectMethod().estimate_policy_value(
            action_dist=target, position=log["position"], **model
        ),
        "dr": DoublyRobust().estimate_policy_value(**weighted, **model),
    }
    print(json.dumps({name: float(value) for name, value in found.items()}))


if __name__ == "__main__":
    main()
