"""What a table says of itself: its caption, numbered footnotes of cells, then remarks about all of it."""

from collections.abc import Iterable, Iterator, Sequence

from bregman_exp.analysis.formats import size
from bregman_exp.analysis.names import MARKS, NORMS, POINT_SETS, Facts, Frame, label, short_code
from bregman_exp.analysis.published import ARTICLE, ARTICLE_EPOCHS, ARTICLE_IMAGES, SOURCES
from bregman_exp.analysis.table.layout import listed, not_complete, span
from bregman_exp.analysis.table.options import NO_BASELINE, TWIN, Options
from bregman_exp.runs.record import Verdict

FITTED = (
    "The ε of the suite “paper” are an assumption: they were fitted to the published baseline row, "
    "so only differences between rows are evidence."
)
MEANING = {
    Verdict.UNRELIABLE: "a check failed, so the true accuracy may be lower (docs/checks.md)",
    Verdict.DEGENERATE: "a constant classifier",
}
PAIRED = (
    "one seed each: the interval is over the test samples that both networks saw (paired, Newcombe); it is "
    "about these two networks, not about their kinds"
)
NO_INTERVAL = "no interval where one of both has a single seed, or neither spreads"
Footnote = tuple[str, Iterable[Facts]]  # a text and its cells


def caption(figures: Frame, columns: Sequence[Facts], options: Options) -> str:
    """Some sentences, in one line. ``figures``: of the table, by row."""
    runs = figures.drop_duplicates("run")
    first = runs.iloc[0]
    statistic = (
        "mean ± sample standard deviation over seeds" if runs["line"].duplicated().any() else "one seed a row"
    )
    trained, codes = span(runs["epochs"]), list(dict.fromkeys(map(short_code, runs["trained_with"])))
    epochs = trained if first["budget"] == trained else f"{trained} ({first['budget']})"
    mixed = options.any_version and len(codes) > 1
    is_images = first["data"] not in POINT_SETS.values()
    sentences = [
        f"{first['data']}: accuracy in percent, {statistic}.",
        f"Clean on {columns[0]['n']} test samples; {epochs} epochs; "
        f"{' and '.join(runs['weights'].unique())} weights; data {first['fingerprint'][:8]}; "
        f"{'code versions mixed (--any-version)' if mixed else 'code'} {', '.join(codes)}.",
        *_attacks(columns[1:], set(runs["trained_with"]), is_images),
    ]
    is_fitted = is_images and any(column["measure"] in NORMS for column in columns)
    return " ".join([*sentences, FITTED] if is_fitted else sentences)


def _attacks(columns: Sequence[Facts], trained_with: set[str], is_images: bool) -> Iterator[str]:
    """A sentence for each kind of attack, with the columns it fills and their ε."""
    units = "in units of data in [0, 1]" + (" and in 255ths" if is_images else "")
    kinds: dict[str, dict[str, list[str]]] = {}
    for column in columns:
        places = kinds.setdefault(_kind(column, trained_with), {})
        places.setdefault(_place(column), []).append(_size(column["eps"], is_images))
    for kind, places in kinds.items():
        texts = [f"{place} {', '.join(filter(None, sizes))}".strip() for place, sizes in places.items()]
        yield f"{kind}; ε {units}: {'; '.join(texts)}."


def _place(column: Facts) -> str:
    """The norm of a column that is headed by its id; of another column also which attack it is."""
    heading, id_ = column["heading"], column["id"]
    return NORMS.get(column["norm"], "any") if heading.startswith(id_) else f"{heading} ({id_})"


def _size(eps: float | None, is_images: bool) -> str:
    return size(eps) + (f" ({size(255 * eps)}/255)" if is_images and eps is not None else "")


def _kind(column: Facts, trained_with: set[str]) -> str:
    """E.g. "pgd (50 steps of 0.25 ε, restarts 1, loss ce) on 10000 samples"."""
    arguments = {name: value for name, value in column["arguments"].items() if name != "eps"}
    texts = []
    if "steps" in arguments and "rel_step" in arguments:
        texts = [f"{arguments.pop('steps')} steps of {arguments.pop('rel_step')} ε"]
    texts += [f"{name} {_value(value)}" for name, value in arguments.items()]
    later = [short_code(code) for code in column["codes"] if code not in trained_with]
    about = f" ({', '.join(texts)})" if texts else ""
    at = f", with code {', '.join(later)}" if later else ""
    return f"{column['attack'] or column['id']}{about} on {column['n']} samples{at}"


def _value(value: object) -> str:
    """A list of attacks by their names; everything else as it is."""
    if isinstance(value, list) and all(isinstance(attack, dict) for attack in value):
        return " + ".join(str(attack.get("attack", "?")) for attack in value)
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def number_footnotes(rows: Sequence[Sequence[Facts]]) -> list[str]:
    """The footnotes, in order; equal texts are one. Cells get ``notes``, the numbers of their own, from 1,
    and ``row_notes``, those of the whole row."""
    numbers: dict[str, int] = {}
    for row in rows:
        for cell in row:
            cell["notes"] = []
        for text, marked in _footnotes(row):
            number = numbers.setdefault(text, len(numbers) + 1)
            for cell in marked:
                cell["notes"].append(number)
        for cell in row:
            cell["row_notes"] = [numbers[cell["gap"]]] if cell["gap"] else []
    return list(numbers)


def _footnotes(row: Sequence[Facts]) -> Iterator[Footnote]:
    if row[0]["gap"]:
        yield row[0]["gap"], row
    for cell in row:
        paired = PAIRED if cell["interval"] == "paired" else ""
        for text in filter(None, (paired, cell["unpaired"], cell["remark"])):
            yield text, [cell]
    yield from _of_verdicts(row)
    yield from _of_attacks(row)


def _of_verdicts(row: Sequence[Facts]) -> Iterator[Footnote]:
    """For each mark that the row's figures have, its runs."""
    for verdict, mark in MARKS.items():
        ids: dict[tuple[int, str], list[str]] = {}  # by run
        for figure in (figure for cell in row for figure in cell["figures"] if figure["verdict"] == verdict):
            text = figure["id"] + (" (not reported)" if figure["accuracy"] is None else "")
            ids.setdefault((figure["seed"], figure["run"]), []).append(text)
        if ids:
            runs = ", ".join(f"seed {seed} ({', '.join(ids[seed, run])}; {run})" for seed, run in sorted(ids))
            text = f"{mark}: {MEANING[verdict]}: {row[0]['row']}, {runs}"
            yield text, [cell for cell in row if verdict in cell["verdicts"]]


def _of_attacks(row: Sequence[Facts]) -> Iterator[Footnote]:
    """Where seeds of the row were not evaluated with an attack of the table."""
    gaps: dict[tuple[int, ...], list[Facts]] = {}
    for cell in row:
        evaluated = {figure["seed"] for figure in cell["figures"]}
        missing = tuple(seed for seed in cell["seeds"] if seed not in evaluated)
        gaps.setdefault(missing, []).append(cell)
    for seeds, cells in gaps.items():
        if seeds:
            ids = ", ".join(cell["id"] for cell in cells)
            yield f"{row[0]['row']}: {listed(seeds)} not evaluated with {ids}", cells


def of_baseline(rows: Sequence[Sequence[Facts]], baseline: str, options: Options) -> list[str]:
    """``baseline``: what the rows are compared with, "" where no row has any."""
    if not any(row[0]["baseline"] for row in rows):
        if options.baseline == TWIN:
            return ["no row here has a twin, a standard row with all else the same"]
        is_named = options.baseline not in (None, NO_BASELINE)
        return [f"no row here is the baseline {options.baseline}"] if is_named else []
    compared = [cell for row in rows for cell in row if cell["difference"] is not None]
    return [
        f"difference: row − {baseline}, in points, with its 95 % interval: unless a "
        "footnote says otherwise, t √(s²/n of the row + s²/n of the baseline) to either side, s over the "
        "n seeds, t with Welch's degrees of freedom; it speaks of other seeds, not of other test samples",
        *([NO_INTERVAL] if any(cell["ci95_low"] is None for cell in compared) else []),
    ]


def of_published(run: Facts, published: Frame) -> list[str]:
    """Where the figures of others come from, and what of them is not as in these runs, e.g. this one."""
    sources = list(published["source"].unique())
    texts = [f"published: {SOURCES[s]}" if s == ARTICLE else SOURCES[s] for s in sources]
    kinds = published["source"].map(lambda source: "published" if source == ARTICLE else "measured")
    for kind, data in sorted(set(zip(kinds, published["data_published"], strict=True))):
        if data != run["data"]:
            texts.append(f"the {kind} figures are of {data}, these runs of {run['data']}")
    if ARTICLE in sources and run["budget"] != str(ARTICLE_EPOCHS):
        texts.append(f"the reference's recipe trains {ARTICLE_EPOCHS} epochs, these runs {run['budget']}")
    if ARTICLE in sources and run["n_train"] not in (None, ARTICLE_IMAGES):
        trained = f"{ARTICLE_IMAGES:,} images, these runs on {run['n_train']:,}"
        texts.append(f"the reference's recipe trains on {trained}")
    return texts


def of_runs(elsewhere: Frame, chosen: Frame, counted: Frame) -> list[str]:
    """``elsewhere``: runs that are not complete and of other data; ``counted``: of the ``chosen`` figures
    those of one run for each row and seed."""
    texts = [] if elsewhere.empty else [f"not complete: {not_complete(elsewhere)}"]
    twice = chosen.loc[~chosen["run"].isin(counted["run"]), "run"].unique()
    return [*texts, f"there twice, counted once: {', '.join(twice)}"] if len(twice) else texts


def of_code(codes: set[str]) -> list[str]:
    dirty = sorted(short_code(code) for code in codes if code.endswith("-dirty"))
    return [f"{', '.join(dirty)}: with changes that no commit holds"] if dirty else []


def of_evaluations(frame: Frame, chosen: Frame) -> list[str]:
    """By run, how many of its evaluations are of other weights, and which are not complete."""
    later = frame[frame["evaluation"] != ""].drop_duplicates(["run", "evaluation"])
    weights = chosen.drop_duplicates("run")[["run", "weights"]]
    later = later.merge(weights, on="run", suffixes=("", "_shown"))
    texts = []
    for path, evaluations in later.groupby("run", sort=False):
        complete = evaluations["state"] == "complete"
        other = int((complete & (evaluations["weights"] != evaluations["weights_shown"])).sum())
        texts += [f"{path}: {other} of its evaluations are of other weights"] if other else []
        incomplete = evaluations.loc[~complete, "evaluation"]
        texts += [f"{path}: evaluation {name} is not complete" for name in incomplete]
    return texts


def of_attacks(figures: Frame, chosen: Frame) -> list[str]:
    """The attacks that some run has and no column shows."""
    attacks = figures.loc[figures["id"] != "clean", ["settings", "n"]].drop_duplicates()
    shown = chosen[["settings", "n"]].drop_duplicates()
    rest = attacks.merge(shown, how="left", indicator=True).query("_merge == 'left_only'")
    in_a_column = set(shown["settings"])
    labels = {
        label(settings, attacks["settings"]) + (f", n = {n}" if settings in in_a_column else "")
        for settings, n in zip(rest["settings"], rest["n"], strict=True)
    }
    return [f"not shown (--attack ID): {', '.join(sorted(labels))}"] if labels else []
