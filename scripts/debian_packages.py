"""Files of Debian packages, for the scripts that build data sets; needs Debian's `apt-get` and `dpkg-deb`."""

import subprocess
from pathlib import Path


def unpacked(package: str, packages: Path) -> Path:
    """The folder of a package's files, fetched and unpacked where that is not yet done.

    Args:
        packages: where the .deb file is looked for, downloaded to, and unpacked.

    Raises:
        subprocess.CalledProcessError: when the package can't be had or unpacked.
    """
    root = packages / package
    if not root.is_dir():
        packages.mkdir(parents=True, exist_ok=True)
        if not list(packages.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "download", package], cwd=packages, check=True)
        subprocess.run(["dpkg-deb", "-x", next(packages.glob(f"{package}_*.deb")), root], check=True)
    return root
