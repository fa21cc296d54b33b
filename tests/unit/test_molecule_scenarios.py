"""The Molecule scenarios are whole: what is missing from one is only a warning to Molecule."""

from pathlib import Path

import yaml

MOLECULE = Path(__file__).parents[2] / "molecule"


def test_each_scenario_of_molecule_has_its_playbooks_and_its_proofs() -> None:
    shared = yaml.safe_load((MOLECULE.parent / ".config/molecule/config.yml").read_text())
    proofs = MOLECULE.parent / shared["verifier"]["directory"].removeprefix("${MOLECULE_PROJECT_DIRECTORY}/")
    scenarios = sorted(path.parent for path in MOLECULE.glob("*/molecule.yml"))
    assert {"accounts", "default"} <= {s.name for s in scenarios}
    for scenario in scenarios:
        settings = yaml.safe_load((scenario / "molecule.yml").read_text())
        steps = settings["scenario"]["test_sequence"]
        borrowed = settings.get("ansible", {}).get("playbooks", {})  # from another scenario
        for step in set(steps) - {"idempotence", "verify"}:
            playbook = borrowed.get(step, f"{step}.yml")
            assert (scenario / playbook).is_file(), f"{scenario.name} has no {playbook}"
        if "verify" in steps:
            assert list(proofs.glob("test_*.py"))
        assert ("converge" in steps) == ("verify" in steps)
