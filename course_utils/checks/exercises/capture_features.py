"""Find the bug: what was captured is overwritten by the module behind it."""

import numpy as np

from course_utils.checks.exercise import Exercise


def _rectify_in_place(x):
    """Do what ReLU(inplace=True) does, to NumPy arrays and PyTorch tensors."""
    x[x < 0] = 0
    return x


def _small_networks(generator):
    """Convolution and ReLU in turns; multiplying stands for convolving."""
    cases = []
    for count in (2, 3):
        modules = {}
        for scale in generator.uniform(0.5, 1.5, count):
            modules[str(len(modules))] = lambda x, scale=scale: scale * x - 0.3
            modules[str(len(modules))] = _rectify_in_place
        x = generator.normal(size=(1, 3, 4, 2))
        cases.append((x, modules, ("0", str(len(modules) - 2))))
    return cases


def _capture(x, modules, names, keep=np.copy):
    features = {}
    for name, module in modules.items():
        x = module(x)
        if name in names:
            features[name] = keep(x)
    return features


def _capture_inputs(x, modules, names):
    features = {}
    for name, module in modules.items():
        if name in names:
            features[name] = x.copy()
        x = module(x)
    return features


def _capture_one_by_one(x, modules, names):
    return {name: modules[name](x.copy()) for name in names}


check_capture_features = Exercise(
    name="capture_features",
    notebook="8 · Style transfer in PyTorch",
    frameworks=("numpy", "torch"),
    cases=_small_networks,
    solution=_capture,
    mistakes={
        "what it captured was overwritten afterwards: there is nothing "
        "negative left in it.": [
            lambda x, modules, names: _capture(x, modules, names, np.asarray),
            lambda x, modules, names: _capture(
                x, modules, names, lambda a: np.maximum(a, 0)
            ),
        ],
        "it captures what goes into a module, not what comes out.": [
            _capture_inputs
        ],
        "every module gets the picture; it should get what the module before "
        "it gave.": [_capture_one_by_one],
        "it captures modules that nobody asked for.": [
            lambda x, modules, names: _capture(x, modules, modules)
        ],
        "it stops after the first name.": [
            lambda x, modules, names: _capture(x, modules, names[:1])
        ],
        "only the last name is there at the end.": [
            lambda x, modules, names: _capture(x, modules, names[-1:])
        ],
        "it leaves modules out: the ReLUs belong to the network, too.": [
            lambda x, modules, names: _capture(
                x, {n: modules[n] for n in list(modules)[::2]}, names
            )
        ],
        "it gives back what the last module gave, not what was captured.": [
            lambda x, modules, names: _capture(x, modules, modules)[
                list(modules)[-1]
            ]
        ],
        "nothing is captured.": [lambda x, modules, names: {}],
    },
)
