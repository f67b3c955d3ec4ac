"""Face detection, landmarks, verification."""
