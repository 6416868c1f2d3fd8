"""Every message, enum and value of the API, and what arguments may be in plain Python.

For annotations, and for `types.ENVIRONMENT_LIVE`; no call needs them.
"""

from finlink.config.v1 import *  # noqa: F403 - all that protoc makes
from finlink_client.resources.arguments import *  # noqa: F403 - all that the generator makes
