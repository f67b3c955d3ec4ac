"""Look into an InsightFace model pack as InsightFace would, for ``weights``."""

from pathlib import Path


def find_root(folder: Path) -> Path | None:
    """Return the folder, at any depth, that InsightFace should be given."""
    marks = [*folder.rglob("manifest.json"), *folder.rglob("*.onnx")]
    # The shallowest: archives made on a Mac repeat the names in a folder of
    # stubs, one level deeper.
    roots = {mark.parent for mark in marks}
    return min(roots, key=lambda root: len(root.parts), default=None)


def find_fault(folder: Path) -> str | None:
    """Return why InsightFace could not load the pack, None if it can."""
    if _describes_itself(folder):
        return _manifest_fault(folder)
    outputs = {}
    for path in sorted(folder.glob("*.onnx")):
        try:
            outputs[path.name] = _count_outputs(path)
        except Exception:  # onnxruntime raises many unrelated classes
            return f"{path.name} does not open as an ONNX model"
    # The rule by which insightface.model_zoo.ModelRouter knows a detector.
    if all(count < 5 for count in outputs.values()):
        return "there is no detection model in it"
    return None


def _describes_itself(folder):
    """Tell the newer packs (raccoon), whose manifest.json names the models."""
    if not (folder / "manifest.json").is_file():
        return False  # without importing insightface, which takes a second
    from insightface.model_zoo import package_manifest

    return package_manifest.has_model_package_manifest(folder)


def _manifest_fault(folder):
    """Return what is wrong with a pack that describes itself."""
    from insightface.model_zoo import package_manifest

    try:
        package = package_manifest.load_model_package(folder)
        for task in package.tasks:
            _count_outputs(package.verify_task(task).path)
    except Exception as problem:
        return f"its manifest.json does not hold ({problem})"
    if package_manifest.DETECTION_TASK not in package.tasks:
        return "there is no detection model in it"
    return None


def _count_outputs(path):
    """Open an ONNX model, which fails if it is damaged; count its outputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # Optimising takes most of the time and proves nothing about the file.
    level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )
    return len(session.get_outputs())
