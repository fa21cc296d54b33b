"""What the wheel carries beside the code, so that an installed `kijun` works from any directory."""

from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DATA = ("standards", "playbooks", "roles", "library", "module_utils", "tests/proofs", "ansible.cfg")


class CustomBuildHook(BuildHookInterface):
    """Put the data folders under `kijun/_data` (see kijun/paths.py); editable installs use the checkout."""

    def initialize(self, version, build_data):
        """Add each data folder to a standard wheel."""
        if version != "editable":
            for name in DATA:
                build_data["force_include"][str(Path(self.root, name))] = f"kijun/_data/{name}"
