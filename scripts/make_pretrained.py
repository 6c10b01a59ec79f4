"""Makes pretrained generators from nothing: data, training, evaluation, exports, card, and the files under weights/.

    python scripts/make_pretrained.py --hardware "2 CPU cores"                    all of them
    python scripts/make_pretrained.py dcgan/emoji --hardware "2 CPU cores"        some
    python scripts/make_pretrained.py dcgan/emoji --queue ../ganzoo-queue --hardware "2 CPU cores"
                                                                                  of what training_queue.py trained
    python scripts/make_pretrained.py --words dcgan/emoji                         only what pretrained.yaml says, anew

What is done is the project's own commands, which are printed; scripts/pretrained.yaml says which. A run that is there
goes on where it stopped, so that a finished one costs nothing. What can't be measured is said, in the card too.
docs/pretrained.md has the form of the files.
"""

import contextlib
import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pretrained_card as cards
import queue_folder
import yaml

import ganzoo
from ganzoo.backends.quiet import import_keras
from ganzoo.data.images import read_image
from ganzoo.errors import RunError, UsageError
from ganzoo.generators import fixed_output, inference, pictures, pretrained, weight_files, zoo
from ganzoo.generators.generator import untrained
from ganzoo.recipes import recipes
from ganzoo.training import teachers

ROOT = Path(__file__).parent.parent
PLAN = yaml.safe_load(Path(__file__).with_name("pretrained.yaml").read_text("utf-8"))
PRECISIONS = ("none", "float16", "dynamic")
ALL_PRECISIONS = (*PRECISIONS, "int8", "int16x8")
SAMPLES, CHECKED = 64, 16


@dataclass(frozen=True)
class Places:
    """Where things lie here; cards name the usual places instead."""

    data: Path
    runs: Path
    exported: Path
    root: Path = ROOT
    """The checkout, or a copy of it, whose scripts are called."""
    python: Path = Path(sys.executable)
    """The Python whose programs are called."""

    def fill(self, text: str) -> str:
        return text.format(data=self.data, runs=self.runs, exported=self.exported)

    def neutral(self, text: str) -> str:
        """A text that names the usual places where it named these."""
        for path, usual in ((self.data, USUAL.data), (self.runs, USUAL.runs), (self.exported, USUAL.exported)):
            for found in (path.resolve(), path):
                text = text.replace(f"{found}/", f"{usual}/")
        return text


USUAL = Places(Path("data"), Path("runs"), Path("exported"))


@click.command(help=__doc__.split("\n")[0])
@click.argument("names", nargs=-1)
@click.option("--runs", type=click.Path(path_type=Path), default=USUAL.runs, show_default=True)
@click.option("--data", type=click.Path(path_type=Path), default=USUAL.data, show_default=True)
@click.option("--weights", type=click.Path(path_type=Path), default=ROOT / "weights", help="[default: weights]")
@click.option("--skip-training", is_flag=True, help="Take data and runs as they are.")
@click.option(
    "--queue",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take data, runs and commits of this folder of scripts/training_queue.py as they are.",
)
@click.option("--as-it-is", is_flag=True, help="Take a run that is not at its end, or trains right now.")
@click.option("--replace", is_flag=True, help="Publish also what measures no better than what is published.")
@click.option("--words", is_flag=True, help="Only put what pretrained.yaml says into the cards that are there.")
@click.option("--hardware", help="What they were trained on; needed but with --words.")
@click.option("--commit", help="The commit that trained them.  [default: the queue's notes, or the checkout's]")
def main(names, runs, data, weights, skip_training, queue, as_it_is, replace, words, hardware, commit):
    for name in names:
        if name not in PLAN["generators"]:
            raise click.UsageError(f"no generator {name!r}; there are {', '.join(PLAN['generators'])}")
    if not words and not hardware:
        raise click.UsageError("--hardware: say what they are trained on, for the cards")
    if skip_training and not (commit or queue):
        raise click.UsageError("--skip-training: give --commit, the one that trained what is there")
    if as_it_is and not (skip_training or queue):
        raise click.UsageError("--as-it-is: give --skip-training or --queue; else it is trained to its end")
    if queue:
        weights, folder = weights.absolute(), queue_folder.Folder(queue.absolute())
        os.chdir(folder.path)
    failed = []
    for name in names or PLAN["generators"]:
        with tempfile.TemporaryDirectory() as temporary:
            places = Places(data, runs, Path(temporary) / "exported")
            try:
                if words:
                    change_words(name, places, weights)
                    continue
                if not (skip_training or queue):
                    train(name, places)
                if as_it_is:
                    places = snapshot(name, places, Path(temporary) / "runs")
                else:
                    check_at_its_end(name, places)
                trained_by = commit or (queue_folder.commits_of(folder, run_names(name)) if queue else commit_here())
                staged = Path(temporary) / "weights"
                with zoo_in(staged):
                    make(name, places, staged, {"commit": trained_by, "hardware": hardware})
                if not replace:
                    check_better(name, staged, weights)
                publish(name, staged, weights)
            except (RunError, UsageError) as error:
                say(f"{name}: not published: {error}")
                failed.append(name)
    sys.exit(1 if failed else 0)


def say(line: str) -> None:
    click.echo(line, err=True)


@contextlib.contextmanager
def zoo_in(weights: Path) -> Iterator[None]:
    """Within it, all commands take names to be of the generators in this folder, in which there is none yet."""
    cards.write_manifest(weights / zoo.MANIFEST, {})
    earlier = os.environ.get(zoo.VARIABLE)
    os.environ[zoo.VARIABLE] = str(weights)
    try:
        yield
    finally:
        del os.environ[zoo.VARIABLE]
        if earlier is not None:
            os.environ[zoo.VARIABLE] = earlier


def check_at_its_end(name: str, places: Places) -> None:
    """Raises RunError when a generator's run is not there, or has steps before it."""
    directory = Path(places.fill(run_of(PLAN["generators"][name])))
    if queue_folder.planned_steps(directory) is None:
        raise RunError(f"{directory}: no run; leave --skip-training out")
    if not queue_folder.is_at_its_end(directory):
        raise RunError(
            f"{directory}: at step {queue_folder.steps_of(directory):,} of {queue_folder.planned_steps(directory):,}; "
            "train it to its end, or publish it --as-it-is"
        )


def run_names(name: str) -> list[str]:
    """The names of the directories of a generator's own runs."""
    return [run.removeprefix("{runs}/") for run in own_runs(PLAN["generators"][name])]


def snapshot(name: str, places: Places, folder: Path) -> Places:
    """The places where a generator's run is a copy of its state at one step, though it may train on."""
    directory = Path(places.fill(run_of(PLAN["generators"][name])))
    if queue_folder.planned_steps(directory) is None:
        raise RunError(f"{directory}: no run yet")
    folder.mkdir()
    for run in places.runs.iterdir():
        if run.is_dir() and run.name != directory.name:
            (folder / run.name).symlink_to(run.absolute())
    queue_folder.copy_run(directory, folder / directory.name)
    return dataclasses.replace(places, runs=folder)


def check_better(name: str, staged: Path, weights: Path) -> None:
    """Raises RunError when what is published measures as well, by what pretrained.yaml says."""
    better, published = PLAN["generators"][name].get("better"), weights / name / "card.yaml"
    if better and published.is_file():
        new, old = (yaml.safe_load(path.read_text("utf-8")) for path in (staged / name / "card.yaml", published))
        cards.check_better(better, new, old)


def publish(name: str, staged: Path, weights: Path) -> None:
    """Puts a generator whose files are all there in the place of the one that was."""
    place = weights / name
    fresh, earlier = (place.with_name(f".{place.name}.{word}") for word in ("new", "earlier"))
    for left in (fresh, earlier):
        shutil.rmtree(left, ignore_errors=True)
    shutil.copytree(staged / name, fresh)
    if place.is_dir():
        place.rename(earlier)
    fresh.rename(place)
    cards.list_files(weights, name)
    shutil.rmtree(earlier, ignore_errors=True)
    say(f"{name}: {place}")


def train(name: str, places: Places) -> None:
    """Trains a generator, and those that it needs before, each with its data."""
    plan = PLAN["generators"][name]
    for earlier in predecessors(plan):
        train(earlier, places)
    for thing in needed(plan):
        provide(thing, places)
    for command in trainings(plan, places).values():
        say(f"$ {USUAL.fill(command)}")
        if subprocess.run(words_of(command, places)).returncode:
            raise RunError(f"{USUAL.fill(command)}: failed")


def predecessors(plan: Mapping) -> list[str]:
    """Those whose runs a generator's own takes up."""
    return [*([plan["init"]] if "init" in plan else []), *plan.get("after", [])]


def needed(plan: Mapping) -> list[dict]:
    names = [*plan.get("needs", []), *plan.get("sample", {}).get("needs", [])]
    return [PLAN["things"][name] for name in names]


def provide(thing: Mapping, places: Places) -> None:
    """Makes what isn't there, where there is a command, and what that begins with."""
    path, begins_with = Path(places.fill(thing["path"])), Path(places.fill(thing.get("of", ".")))
    if path.exists() or "command" not in thing or not begins_with.exists():
        return
    try:
        run(thing["command"], places)
    except BaseException:
        # What is half made would be taken for whole.
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        raise


def trainings(plan: Mapping, places: Places) -> dict[str, str]:
    """The commands of all a generator's own runs by the run, in order, and then of those that stand beside it."""
    own = dict(zip(own_runs(plan), train_commands(plan, places), strict=True))
    return own | {rival_run(rival): rival_command(plan, rival, places) for rival in plan.get("rivals", {}).values()}


def rival_run(rival: Mapping) -> str:
    """The run of another seed or other settings, whose measures the card has beside a generator's own."""
    return "{runs}/" + rival["run"]


def rival_command(plan: Mapping, rival: Mapping, places: Places) -> str:
    return train_command(plan, places, rival_run(rival), rival["overrides"], None)


def train_commands(plan: Mapping, places: Places) -> list[str]:
    """The commands of `own_runs`."""
    # `init` names a generator whose run is taken up, `from` one as it is published.
    taken_up = first_run_of(PLAN["generators"][plan["init"]]) if "init" in plan else plan.get("from")
    if "begin" not in plan:
        return [train_command(plan, places, run_of(plan), plan.get("overrides", []), taken_up)]
    first = train_command(plan, places, first_run_of(plan), plan["begin"]["overrides"], taken_up)
    return [first, train_command(plan, places, run_of(plan), plan["overrides"], first_run_of(plan))]


def train_command(plan: Mapping, places: Places, run: str, overrides: list[str], taken_up: str | None) -> str:
    words = ["ganzoo", "train", plan["recipe"]]
    # Where the folder isn't there, the recipe fetches its own.
    if "data" in plan and Path(places.fill(plan["data"]).partition(":")[2]).exists():
        words += ["--data", plan["data"]]
    if taken_up:
        words += ["--init", taken_up]
    for override in overrides:
        words += ["--set", override]
    return " ".join([*words, "--run-dir", run])


def own_runs(plan: Mapping) -> list[str]:
    """The run that a generator is of, and before it, if there is one, the run that this goes on from."""
    return list(dict.fromkeys([first_run_of(plan), run_of(plan)]))


def run_of(plan: Mapping) -> str:
    return "{runs}/" + (plan["run"] if "run" in plan else recipes.recipe_name(plan["recipe"]))


def first_run_of(plan: Mapping) -> str:
    """The run that others take up: where a generator goes on from an earlier one, that one."""
    return "{runs}/" + plan["begin"]["run"] if "begin" in plan else run_of(plan)


def run(command: str, places: Places) -> str:
    """Runs a command, and returns what it prints. Raises RunError with the last line of its complaints."""
    say(f"$ {USUAL.fill(command)}")
    done = subprocess.run(words_of(command, places), capture_output=True, text=True)
    if done.returncode:
        complaint = (done.stderr.strip() or f"ended with status {done.returncode}").splitlines()[-1]
        raise RunError(re.sub(r"(?<![\w.])/\S*/", "", complaint.removeprefix("Error: ")))
    return done.stdout


def words_of(command: str, places: Places) -> list[str]:
    """The command's words, with the programs of its Python, and scripts wherever they are called from."""
    # Filled when it is split, for a path may hold spaces.
    first, *others = (places.fill(word) for word in shlex.split(command))
    others = [str(places.root / word) if word.startswith("scripts/") else word for word in others]
    programs = {
        "ganzoo": (str(places.python.with_name("ganzoo")),),
        "python": (str(places.python),),
        "pip": (str(places.python), "-m", "pip"),
    }
    return [*programs.get(first, (first,)), *others]


def make(name: str, places: Places, weights: Path, circumstances: Mapping) -> None:
    """Writes the files of a generator that is trained, and a manifest of them, so that the commands know its name."""
    plan, folder = PLAN["generators"][name], weights / name
    directory = Path(places.fill(run_of(plan)))
    import_keras()
    folder.mkdir(parents=True)
    pack(directory, folder)
    pack_others(plan.get("also", ()), directory, folder)
    write_config(directory, folder, places)
    for found in pretrained.find_all(directory):
        if found.signature.parts:
            ganzoo.directions(folder / f"{found.name}.npz", folder, say=click.echo)
    write_sample(plan, directory, folder, places)
    cards.list_files(weights, name)
    card = {
        **described(name, plan, places),
        "training": training(plan, directory, places, circumstances),
        **measured(name, plan, places),
    }
    card["files"] = {
        "float16": sum((folder / f"{found.name}.npz").stat().st_size for found in pretrained.find_all(directory))
    }
    cards.write({key: card[key] for key in ORDER}, folder / "card.yaml")


ORDER = (*cards.WORDS, "training", "parameters", "files", "evaluation", "exports", "fixed_output", "check")


def pack(directory: Path, folder: Path) -> None:
    """Writes the weights of each deployed network of a run."""
    for found in pretrained.find_all(directory):
        weight_files.pack(found.model, folder / f"{found.name}.npz")


def pack_others(names: Iterable[str], directory: Path, folder: Path) -> None:
    """Writes the weights of networks that are not deployed, for who trains on: those of the newest checkpoint."""
    if names:
        gan = untrained(recipes.load_recipe(directory / "config.yaml"))
        for name in names:
            if not teachers.take_over(name, gan.networks()[name], str(directory)):
                raise RunError(f"{directory}: no checkpoint has its {name}, which is to be published, too")
            weight_files.pack(gan.networks()[name], folder / f"{name}.npz")


def write_config(directory: Path, folder: Path, places: Places) -> None:
    text = places.neutral((directory / "config.yaml").read_text("utf-8"))
    cards.check_neutral(text, folder / "config.yaml")
    (folder / "config.yaml").write_text(text, "utf-8")


def write_sample(plan: Mapping, directory: Path, folder: Path, places: Places) -> None:
    """Writes what the generator makes: of pictures of our own, of latents, or what the run made last."""
    target = folder / "sample.png"
    if "sample" in plan:
        pictures.save(picture_of_own(plan["sample"], directory, places), target)
    elif pretrained.find(directory).works_on is None:
        asked = plan.get("ask_for", f"--count {SAMPLES}")
        run(f"ganzoo generate {run_of(plan)} {asked} --out {shlex.quote(str(target))}", places)
    else:
        shutil.copyfile(max((directory / "samples").glob("step_*.png")), target)


def picture_of_own(sample: Mapping, directory: Path, places: Places):
    """Each picture beside what the generators make of it, one after the other."""
    columns = {"input": [read_image(places.fill(file)) for file in sample["of"]]}
    for direction in sample["directions"]:
        paint = inference.translator(ganzoo.load(directory, direction))
        columns[f"made ({direction})"] = [paint(image) for image in list(columns.values())[-1]]
    return pictures.grid({title: np.stack(images) for title, images in columns.items()})


def described(name: str, plan: Mapping, places: Places) -> dict:
    """Returns what pretrained.yaml says."""
    words = {"name": name, **plan["card"]}
    if isinstance(words["credits"], str):
        words["credits"] = Path(places.fill(words["credits"]))
    return {**words, "credits": cards.credits(words["credits"])}


def training(plan: Mapping, directory: Path, places: Places, circumstances: Mapping) -> dict:
    config = yaml.safe_load((directory / "config.yaml").read_text("utf-8"))
    directories = dict.fromkeys([Path(places.fill(first_run_of(plan))), directory])
    return {
        "recipe": plan["recipe"],
        "commands": commands(plan, places, stop_of(directory)),
        "commit": circumstances["commit"],
        "steps": sum(map(queue_folder.steps_of, directories)),
        "minutes": round(sum(cards.minutes_of(one) for one in directories), 1),
        "hardware": circumstances["hardware"],
        "versions": config["versions"],
    }


def stop_of(directory: Path) -> str:
    """Returns the option that ends a run's command at the step where the run is; empty where it is at its end."""
    return "" if queue_folder.is_at_its_end(directory) else f" --steps {queue_folder.steps_of(directory)}"


def commands(plan: Mapping, places: Places, stop: str = "") -> list[str]:
    """All that leads to a generator, what it takes up included."""
    found = [*until_first_run(plan, places), *train_commands(plan, places)[1:]]
    *first, last = [USUAL.fill(command) for command in dict.fromkeys(found)]
    return [*first, last + stop]


def until_first_run(plan: Mapping, places: Places) -> Iterator[str]:
    """Yields the commands that lead to the run that others take up."""
    for name in plan.get("needs", []):
        thing = PLAN["things"][name]
        if "command" in thing and Path(places.fill(thing["path"])).exists():
            yield thing["command"]
    for name in predecessors(plan):
        yield from until_first_run(PLAN["generators"][name], places)
    yield train_commands(plan, places)[0]


def measured(name: str, plan: Mapping, places: Places) -> dict:
    """All that the card says in numbers, of the networks as they are packed or of the run."""
    networks = fixed_output.networks(name)
    exports = list(exported(plan, places))
    return {
        "parameters": sum(network.count_params() for network in networks.values()),
        "evaluation": list(evaluations(plan, places)),
        "exports": exports,
        "fixed_output": fixed_output.describe(networks),
        "check": check(name, plan, places),
    }


def exported(plan: Mapping, places: Places) -> Iterator[dict]:
    """The exports, a precision at a time, so that one that falls short takes no other with it."""
    both = " --direction both" if Path(places.fill(run_of(plan)), "generator_ba.keras").is_file() else ""
    for precision in plan.get("quantize", PRECISIONS):
        try:
            command = f"ganzoo export {run_of(plan)} --out {{exported}} --format tflite --quantize {precision}{both}"
            run(command, places)
        except RunError as error:
            say(f"export {precision}: {error}")
            yield {"file": f"not exported: {error}", "precision": precision}
    if (places.exported / "card.json").is_file():
        found = cards.exports(json.loads((places.exported / "card.json").read_text("utf-8")))
        yield from sorted(found, key=lambda entry: ALL_PRECISIONS.index(entry["precision"]))


def evaluations(plan: Mapping, places: Places) -> Iterator[dict]:
    for extra in ({}, *plan.get("evaluations", [])):
        of = f"{{exported}}/generator_{extra['of']}.tflite" if "of" in extra else run_of(plan)
        yield evaluated(f"ganzoo evaluate {of}" + (f" --data {extra['data']}" if "data" in extra else ""), places)
    for called, rival in plan.get("rivals", {}).items():
        # What is not trained yet is said in the card, too.
        found = evaluated(f"ganzoo evaluate {rival_run(rival)}", places, called)
        yield {**found, "command": f"{USUAL.fill(rival_command(plan, rival, places))} && {found['command']}"}
    if "classes" in plan:
        yield class_shares(plan, places)


def evaluated(command: str, places: Places, named: str = "output") -> dict:
    try:
        document = json.loads(places.neutral(run(f"{command} --json", places)))
    except RunError as error:
        say(str(error))
        return cards.not_measured(USUAL.fill(command), error)
    for skipped in document["skipped"]:
        say(f"  not measured: {skipped['metric']}: {skipped['reason']}")
    return cards.evaluation(USUAL.fill(command), document, named)


def class_shares(plan: Mapping, places: Places) -> dict:
    command = f"python scripts/class_shares.py {run_of(plan)} --data {plan['classes']}"
    try:
        return cards.classes(USUAL.fill(command), json.loads(run(command, places)))
    except RunError as error:
        say(str(error))
        return cards.not_measured(USUAL.fill(command), error)


def check(name: str, plan: Mapping, places: Places) -> dict:
    """Numbers on a small part of ganzoo's own data, which a test measures again; none where that lacks labels."""
    config = yaml.safe_load(Path(places.fill(run_of(plan)), "config.yaml").read_text("utf-8"))
    own = config["data"]["source"]
    data = own if own.startswith("embedded:") else "embedded:emoji"
    try:
        document = ganzoo.evaluate(name, data, count=CHECKED)
    except UsageError as error:
        say(f"  nothing that a test can measure again: {error}")
        return {}
    return {"data": data, "count": CHECKED, "metrics": cards.check_metrics(document, data == own)}


def change_words(name: str, places: Places, weights: Path) -> None:
    path = weights / name / "card.yaml"
    if not path.is_file():
        raise RunError(f"{path}: not there; leave --words out")
    card = yaml.safe_load(path.read_text("utf-8"))
    stop = re.search(r"( --steps \d+)?$", card["training"]["commands"][-1])[0]
    card["training"]["commands"] = commands(PLAN["generators"][name], places, stop)
    cards.write({**card, **described(name, PLAN["generators"][name], places)}, path)
    cards.list_files(weights, name)


def commit_here() -> str:
    """The commit of the checkout, with + where what trains has changed since."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    changed = git("status", "--porcelain", "--", "ganzoo", "zoo_configs")
    return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


if __name__ == "__main__":
    main()
