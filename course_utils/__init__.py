"""Helpers for the face recognition and neural style transfer notebooks.

Import the part you need: ``from course_utils import images, faces, style``.
Pictures are RGB ``uint8`` arrays of shape (height, width, 3) everywhere.
"""

import os

from course_utils import home

__version__ = "0.1.0"

# Nothing leaves the machine: each library reads its switch when it is loaded,
# so all are set before any is.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

home.ensure()
