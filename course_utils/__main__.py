"""The course's command: ``python -m course_utils doctor | models``."""

import argparse
import sys

from course_utils import weights


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0 if all is well, 1 if something is not."""
    options = _parser().parse_args(arguments)
    try:
        return 0 if options.run(options) else 1
    except weights.WeightsError as problem:
        print(problem, file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped: the same command continues.", file=sys.stderr)
    return 1


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m course_utils", description="Help for the course."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    doctor = commands.add_parser("doctor", help="check this machine")
    doctor.set_defaults(run=_doctor)
    models = commands.add_parser("models", help="weight files and data")
    actions = models.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="what there is")
    listing.set_defaults(run=_list)
    fetch = actions.add_parser("fetch", help="download, continue or repair")
    fetch.add_argument("name")
    fetch.set_defaults(run=_fetch)
    verify = actions.add_parser("verify", help="check what is here")
    verify.add_argument("name", nargs="?")
    verify.set_defaults(run=_verify)
    return parser


def _doctor(options):
    from course_utils import runtime

    return runtime.doctor()


def _list(options):
    layout = "{:<17} {:>9}  {:<7} {:<34}  {}"
    print(layout.format("NAME", "SIZE", "STATE", "LICENCE", "FOR"))
    for item in weights.TABLE.values():
        state = weights.verify(item.name, thorough=False).partition(":")[0]
        size = f"{item.size / 1e6:.1f} MB"
        print(layout.format(item.name, size, state, item.licence, item.purpose))
    return True


def _fetch(options):
    print(f"{options.name} is ready: {weights.fetch(options.name)}")
    return True


def _verify(options):
    names = [options.name] if options.name else weights.TABLE
    states = {name: weights.verify(name) for name in names}
    for name, state in states.items():
        print(f"{name:<17} {state}")
    # A whole course may well be without the files that nobody fetched.
    fine = {"ready"} if options.name else {"ready", "absent"}
    return set(states.values()) <= fine


if __name__ == "__main__":
    sys.exit(main())
