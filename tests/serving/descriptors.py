"""Writes ``pretzel/serving/grpc/descriptors.py`` from the protocols beside it: ``python -m tests.serving.descriptors``.

It needs grpcio-tools.
"""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "pretzel" / "serving" / "grpc"
PROTOCOLS = ("inference.proto", "health.proto")


def compiled(folder: Path) -> bytes:
    """The protocols of a folder as a serialized ``FileDescriptorSet``."""
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "set"
        assert protoc.main(["", f"-I{folder}", f"--descriptor_set_out={out}", *PROTOCOLS]) == 0
        return out.read_bytes()


def main() -> None:
    """Write the module."""
    text = base64.b64encode(compiled(FOLDER)).decode()
    lines = [f'    b"{text[i : i + 100]}"\n' for i in range(0, len(text), 100)]
    (FOLDER / "descriptors.py").write_text(
        f'"""The descriptors of {" and ".join(PROTOCOLS)}, written by ``make protocol``."""\n\n'
        f"from __future__ import annotations\n\nDESCRIPTORS = (\n{''.join(lines)})\n"
        '"""A serialized ``FileDescriptorSet`` in base 64."""\n'
    )


if __name__ == "__main__":
    main()
