"""What verify and who_is_it share: embeddings, distances, and hints."""

import numpy as np

THRESHOLD = 1.274  # squared distance at cosine 0.363, SFace's published value
# Opposite directions: the distance is 4 whichever way it is computed.
OPPOSITE = (np.array([3.0, 0.0]), {"Ada": np.array([-5.0, 0.0])})

NOT_UNIT = "only directions count: the lengths of the embeddings are still in."
NOT_SQUARED = "that is the distance; its square was asked for."
IS_COSINE = "that is the cosine similarity; the squared distance was asked for."
IS_MEAN = "the squared differences are added up, not averaged."
ORDER = "the two values are right, but in the wrong order."
IGNORES_THRESHOLD = "it decides without looking at the threshold it was given."


def draw_database(generator):
    """Return four embeddings of one size and of any length, by name."""
    size = generator.integers(24, 40)
    names = ("Ada", "Grace", "Joan", "Rosalind")
    return {name: 8 * generator.normal(size=size) for name in names}


def draw_near(generator, vector, cosine):
    """Return a vector of any length at a given angle from another."""
    across = generator.normal(size=vector.shape)
    across = unit(across - across @ unit(vector) * unit(vector))
    direction = cosine * unit(vector) + np.sqrt(1 - cosine**2) * across
    return generator.uniform(5, 15) * direction


def unit(vector):
    """Return the direction of a vector."""
    return vector / np.linalg.norm(vector)


def squared_distance(a, b):
    """Return the lecture's distance of two directions, 0 to 4."""
    return np.sum((unit(a) - unit(b)) ** 2)


def distance(a, b):
    """Return its root, as in the assignment."""
    return np.linalg.norm(unit(a) - unit(b))


def cosine(a, b):
    """Return the cosine similarity, -1 to 1."""
    return unit(a) @ unit(b)


# Versions that forget to divide by a length.
WITH_LENGTHS = (
    lambda a, b: np.sum((a - b) ** 2),
    lambda a, b: np.linalg.norm(a - b),
    lambda a, b: 2 - 2 * a @ b,
    lambda a, b: a @ b,
    lambda a, b: np.sum((unit(a) - b) ** 2),
    lambda a, b: np.sum((a - unit(b)) ** 2),
)


def at_most(value, threshold):
    """Decide as is right for a distance."""
    return value <= threshold
