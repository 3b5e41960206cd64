"""What nodes without a shared folder exchange: files through an object store, progress through Ray."""

from nas.exchange.bundle import Bundle
from nas.exchange.errors import ExchangeError, ExchangeOutageError
from nas.exchange.node import VARIABLE, ExchangingNode, Node, reporter_for_workers, this_node
from nas.exchange.object_store import ObjectStore
from nas.exchange.receiver import Receiver, StoreReceiver, check_exchange, receiver_of, remove_objects
from nas.exchange.study_objects import StudyObjects

__all__ = [
    "VARIABLE",
    "Bundle",
    "ExchangeError",
    "ExchangeOutageError",
    "ExchangingNode",
    "Node",
    "ObjectStore",
    "Receiver",
    "StoreReceiver",
    "StudyObjects",
    "check_exchange",
    "receiver_of",
    "remove_objects",
    "reporter_for_workers",
    "this_node",
]
