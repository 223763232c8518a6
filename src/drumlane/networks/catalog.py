"""Catalog: networks by name, from the numbers that rebuild them.

Flow: transcriber, crnn -> **catalog** -> training
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from drumlane.networks.crnn import Crnn, CrnnSpec
from drumlane.networks.transcriber import NetworkSpec, TranscriberNetwork

Spec = NetworkSpec | CrnnSpec
Network = TranscriberNetwork | Crnn
NETWORKS: Mapping[str, type[NetworkSpec] | type[CrnnSpec]] = MappingProxyType(
    {"drumlane": NetworkSpec, "crnn": CrnnSpec}
)


def spec_of(numbers: Mapping[str, Any]) -> Spec:
    """Return the spec of plain numbers, as a checkpoint holds them; without a name it is the shipped one's.

    Raises:
        TypeError: a number is not one of that network's.
        ValueError: the name is unknown, or a number is wrong.
    """
    name = numbers.get("name", "drumlane")
    if name not in NETWORKS:
        raise ValueError(f"network {name!r} is unknown; networks: {', '.join(NETWORKS)}")
    return NETWORKS[name](**numbers)


def build(spec: Spec) -> Network:
    """Return the network, with new weights."""
    return Crnn(spec) if isinstance(spec, CrnnSpec) else TranscriberNetwork(spec)
