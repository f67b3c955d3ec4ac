"""Helpers for the face recognition and neural style transfer notebooks.

Import the part you need: ``from course_utils import images, faces, style``.
Pictures are RGB ``uint8`` arrays of shape (height, width, 3) everywhere.
"""

__version__ = "0.1.0"
