"""Fixtures shared by the tests: the embedded models and sample pictures."""

import shutil
import signal

import pytest

from course_utils import faces, images
from course_utils.style import vgg

# What `make check` leaves out: these files take many seconds, or a browser.
SLOW = {
    "test_checks",
    "test_course_mini",
    "test_engine",
    "test_enrolment",
    "test_enrolment_ray",
    "test_gallery_storage",
    "test_hardware",
    "test_home",
    "test_ipywidgets_7",
    "test_jupyterlab",
    "test_other_frontends",
    "test_painter",
    "test_parity",
    "test_privacy",
    "test_runtime",
    "test_site",
    "test_style_lab",
    "test_training",
    "test_vgg",
    "test_weights",
    "test_widgets_training",
}


def pytest_addoption(parser):
    """Let ``make check`` say that it has little time."""
    parser.addoption("--quick", action="store_true", help="no slow files")


def pytest_ignore_collect(collection_path, config):
    """Do not even import the slow files where there is little time."""
    if config.getoption("quick") and collection_path.stem in SLOW:
        return True


def pytest_collection_modifyitems(items):
    """Start what takes longest first, so two workers end at the same time."""
    items.sort(key=_turn)


def _turn(item):
    """The notebooks, from the last to the first, then the slow files."""
    if item.path.suffix == ".ipynb":
        return 0, -int(item.path.stem[:2])
    return (1 if item.path.stem in SLOW else 2), 0


@pytest.fixture(scope="session", autouse=True)
def interrupts_arrive():
    """Undo what a shell does to a background job: it ignores interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def anyio_backend():
    """Asynchronous tests run in asyncio's event loop, as a notebook's cell."""
    return "asyncio"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home and cache, so that no test sees the real ones."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("COURSE_UTILS_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def no_gpu():
    """Skip where a GPU paints: the test is about the processor's memory."""
    if vgg.load_backend("torch").torch.cuda.is_available():
        pytest.skip("PyTorch paints on a GPU here")


@pytest.fixture(scope="session")
def app():
    """The embedded face models; loading takes about a second, so once."""
    return faces.load_face_analysis()


@pytest.fixture
def gallery(app, tmp_path):
    """An empty gallery for the embedded pack."""
    return faces.FaceGallery(tmp_path / "gallery", app)


@pytest.fixture
def people(tmp_path):
    """A folder with seven photographs, a sub-folder for each of four people."""
    folder = tmp_path / "people"
    for person, names in {
        "Barack Obama": ["obama_1", "obama_2", "obama_3"],
        "Eileen Collins": ["collins_1", "collins_sunglasses_synthetic"],
        "Grace Hopper": ["hopper_1"],
        "Joe Biden": ["biden_1"],
    }.items():
        (folder / person).mkdir(parents=True)
        for name in names:
            shutil.copy(images.sample(f"faces/{name}"), folder / person)
    return folder


@pytest.fixture(scope="session")
def photo():
    """Read a sample picture by name, for instance photo("faces/obama_1")."""
    return lambda name: images.load_image(images.sample(name))


@pytest.fixture
def upload():
    """Send a file to a FileUpload as a browser does, ipywidgets 7 or 8."""

    def send(control, name, content):
        file = {"name": name, "type": "image/*", "size": len(content)}
        if control.has_trait("metadata"):  # ipywidgets 7
            state = {
                "metadata": [file],
                "data": [memoryview(content)],
                "_counter": control._counter + 1,
            }
        else:
            file.update(content=memoryview(content), last_modified=0)
            state = {"value": [file]}
        control.set_state(state)

    return send
