# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Results: how they are stored, as tables, as a plot, beside earlier ones.

Stored is {"conditions": {...}, "rows": [row...]}. A row has "name", "group", "family", "size" and "against", and "ours" and "peer", each with lists
"wall", "cpu" (seconds) and "mib", one value for each pair; "peer" is missing where there is none. A ratio is the peer's value divided by
ours, so above 1 is good for us.
"""
import html
import math
import statistics

VALUES = (("wall", "wall s", "%.3f"), ("cpu", "CPU s", "%.3f"), ("mib", "peak MiB", "%.0f"))
SAME = 1.03  # differences below are none, however small the spread is


def ratios(row, value):
    """Of all pairs, sorted; without a peer one divided by our value, so that more is better as well."""
    peer = row.get("peer", {}).get(value) or [1] * len(row["ours"][value])
    return sorted(theirs / max(ours, 1e-6) for ours, theirs in zip(row["ours"][value], peer))


def number(size):
    unit = {"k": 1000, "M": 1000000}.get(size[-1:], 0)
    return int(size[:-1]) * unit if unit else int(size)


# --- the table


def cells(row, value, form):
    """Our median; the peer's, and the median, smallest and largest ratio of a pair."""
    ours = form % statistics.median(row["ours"][value])
    if "peer" not in row:
        return [ours, "", ""]
    found = ratios(row, value)
    return [ours, form % statistics.median(row["peer"][value]), "**%.1f** (%.1f-%.1f)" % (statistics.median(found), found[0], found[-1])]


def verdict(row):
    """"yes", or what the medians fall short of: "**short:** CPU 12"."""
    target = row.get("target")
    if not target:
        return ""
    missed = ["%s %.3g" % (value, wanted) for (value, _, _), wanted in zip(VALUES, target) if statistics.median(ratios(row, value)) < wanted]
    return "**short:** " + ", ".join(missed) if missed else "yes"


def table_row(row):
    columns = [cell for value, _, form in VALUES for cell in cells(row, value, form)]
    return "| %s | %s | %s |" % (row["name"], " | ".join(columns), verdict(row))


def table_head():
    columns = ["work"] + [name for _, title, _ in VALUES for name in (title + ", ours", "peer's", "times")] + ["target"]
    return "| %s |\n%s|" % (" | ".join(columns), "|---" * len(columns))


def tables(stored):
    lines, group = [], None
    for row in stored["rows"]:
        if row["group"] != group:
            group = row["group"]
            against = sorted({stored["conditions"]["peers"].get(r["against"], r["against"]) for r in stored["rows"] if r["group"] == group and "peer" in r})
            lines += ["", f"## {group}", "", f"Peer: {'; '.join(against)}." if against else "No peer.", "", table_head()]
        lines.append(table_row(row))
    return "\n".join(lines[1:]) + "\n"


# --- growth


def slope(sizes, costs):
    """The exponent with which cost grows with size, by least squares of the logarithms: 1 is linear."""
    x, y = [math.log(size) for size in sizes], [math.log(max(cost, 1e-6)) for cost in costs]
    mean_x, mean_y = statistics.mean(x), statistics.mean(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) / sum((a - mean_x) ** 2 for a in x)


def growth(stored):
    """Of each family with several sizes: the exponent of CPU time of both sides."""
    lines = ["| work | sizes | CPU, ours | peer's |", "|---|---|---|---|"]
    families = {}
    for row in stored["rows"]:
        families.setdefault(row["family"], []).append(row)
    for family, rows in families.items():
        if len(rows) < 2 or rows[0]["group"].startswith("Threads"):
            continue
        sizes = [number(row["size"]) for row in rows]
        exponents = ["%.2f" % slope(sizes, [statistics.median(row[side]["cpu"]) for row in rows]) if side in rows[0] else ""
                     for side in ("ours", "peer")]
        lines.append("| %s | %s | %s |" % (family, ", ".join(row["size"] for row in rows), " | ".join(exponents)))
    return "\n".join(lines) + "\n"


# --- beside earlier results


def change_of(new, old, value):
    """How many times better the new ratio is, and a mark where the two ranges of the pairs do not even touch."""
    after, before = ratios(new, value), ratios(old, value)
    change = statistics.median(after) / statistics.median(before)
    slower = after[-1] < before[0] and change < 1 / SAME
    faster = after[0] > before[-1] and change > SAME
    return change, "SLOWER" if slower else "faster" if faster else ""


def changes(new, old):
    """(text, names of rows that became slower). Ratios to the peer are compared, which another machine changes little; our
    own values where there is no peer."""
    earlier = {row["name"]: row for row in old["rows"]}
    lines = ["| work | " + " | ".join(f"{title}, times better" for _, title, _ in VALUES) + " |", "|---|---|---|---|"]
    slower = []
    for row in new["rows"]:
        before = earlier.get(row["name"])
        if not before or ("peer" in row) != ("peer" in before):
            continue
        found = [change_of(row, before, value) for value, _, _ in VALUES]
        lines.append("| %s | %s |" % (row["name"], " | ".join(("%.2f %s" % one).strip() for one in found)))
        if any(mark == "SLOWER" for _, mark in found):
            slower.append(row["name"])
    return "\n".join(lines) + "\n", slower


# --- the page


def plot(stored):
    """Bars of the median ratio of wall time on a logarithmic scale, with the range of the pairs as a line."""
    rows = [row for row in stored["rows"] if "peer" in row]
    left, width, step, top = 330, 420, 16, 34
    points = [ratio for row in rows for ratio in ratios(row, "wall")] + [1, 10]
    low, high = math.floor(math.log10(min(points))), math.ceil(math.log10(max(points)))
    def x(ratio):
        return left + width * (math.log10(ratio) - low) / (high - low)
    height = top + step * len(rows) + 10
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 60} {height}" font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="#fff"/>',
           f'<text x="{left}" y="12">wall time of the peer divided by ours; right of the dark line is faster</text>']
    for power in range(low, high + 1):
        at = x(10 ** power)
        out += [f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top - 6}" y2="{height - 8}" stroke="{"#333" if power == 0 else "#ccc"}"/>',
                f'<text x="{at:.1f}" y="{top - 8}" text-anchor="middle">{10 ** power:g}</text>']
    for index, row in enumerate(rows):
        found, y = ratios(row, "wall"), top + step * index
        start, end = sorted((x(1), x(statistics.median(found))))
        colour = "#2a7" if statistics.median(found) >= 1 else "#c43"
        out += [f'<text x="{left - 6}" y="{y + 11}" text-anchor="end">{html.escape(row["name"])}</text>',
                f'<rect x="{start:.1f}" y="{y + 2}" width="{max(end - start, 1):.1f}" height="{step - 5}" fill="{colour}"/>',
                f'<line x1="{x(found[0]):.1f}" x2="{x(found[-1]):.1f}" y1="{y + 7}" y2="{y + 7}" stroke="#000"/>',
                f'<text x="{max(x(found[-1]), end, x(1)) + 4:.1f}" y="{y + 11}">{statistics.median(found):.1f}</text>']
    return "\n".join(out) + "\n</svg>\n"


PAGE = """# Speed

Our programs beside the existing ones: the same work in turns, the same output demanded where both make the same. This page is made by
`bench/all.py --store` from the run of {date} at {commit}: {machine}; {pairs} pairs a row, or fewer where a row takes long.

"Times" is the peer's value divided by ours: the median of the pairs, then the smallest and the largest. CPU is user and system time of all threads
and child processes. The last column: does the median reach the project's target?

![wall time of the peer divided by ours](drawings/speed.svg)

{tables}
## Growth

The exponent with which the CPU time grows with the size: 1 is linear, below 1 a fixed part weighs more.

{growth}{skipped}"""


def page(stored):
    skipped = stored["conditions"]["skipped"]
    text = "\n## Not measured\n\n" + "".join(f"- {line}\n" for line in skipped) if skipped else ""
    return PAGE.format(**{**stored["conditions"], "skipped": text}, tables=tables(stored), growth=growth(stored))
