"""tf.config: one CPU, everything eager."""

import sys
from collections import namedtuple

PhysicalDevice = namedtuple("PhysicalDevice", ["name", "device_type"])
LogicalDevice = namedtuple("LogicalDevice", ["name", "device_type"])


def list_physical_devices(device_type=None):
    """The devices of a type: one CPU, and no GPU.

    >>> import tapelab as tf
    >>> tf.config.list_physical_devices("GPU")
    []
    """
    return [PhysicalDevice("/physical_device:CPU:0", "CPU")] if device_type in (None, "CPU") else []


def list_logical_devices(device_type=None):
    """As `list_physical_devices`."""
    return [LogicalDevice("/device:CPU:0", "CPU")] if device_type in (None, "CPU") else []


def run_functions_eagerly(run_eagerly):
    """Nothing to change: functions always run eagerly."""


def functions_run_eagerly():
    """True, always."""
    return True


experimental = sys.modules[__name__]  # where the older guides look for list_physical_devices
