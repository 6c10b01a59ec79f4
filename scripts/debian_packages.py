"""Files of Debian packages, for the scripts that build data sets; needs Debian's `apt-get` and `dpkg-deb`."""

import subprocess
from pathlib import Path

from checksums import check


def unpacked(package: str, packages: Path, sha256: str | None = None) -> Path:
    """Returns the folder of a package's files, fetched, checked and unpacked where that is not yet done.

    Args:
        packages: where the .deb file is looked for, downloaded to, and unpacked.
        sha256: the checksum of the .deb file, for what must be the same in every release of Debian.

    Raises:
        subprocess.CalledProcessError: when the package can't be had or unpacked.
        click.ClickException: when its checksum differs.
    """
    root = packages / package
    if not root.is_dir():
        packages.mkdir(parents=True, exist_ok=True)
        if not list(packages.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "download", package], cwd=packages, check=True)
        archive = next(packages.glob(f"{package}_*.deb"))
        if sha256:
            check(archive, sha256)
        subprocess.run(["dpkg-deb", "-x", archive, root], check=True)
    return root
