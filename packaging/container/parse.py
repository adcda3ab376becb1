"""Reads a Containerfile, says what is wrong with it, and writes the parts of its last stage into a folder, for check.sh.

Arguments: Containerfile, folder of the context, folder to write to. Ends with 1 when something is wrong.
"""

import glob
import json
import os
import re
import shlex
import sys

KNOWN = set("FROM RUN COPY ENV WORKDIR USER VOLUME EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD".split())
path, context, out = sys.argv[1:]
faults = []


def instructions(text):
    """(word, rest) of each; comments within a continued line are left out, as an engine does."""
    joined = ""
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        joined += line[:-1] + " " if line.endswith("\\") else line + "\n"
    for line in joined.splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, rest.strip()


def listed(rest, what):
    try:
        value = json.loads(rest)
        assert isinstance(value, list) and all(isinstance(each, str) for each in value)
        return value
    except (ValueError, AssertionError):
        faults.append(f"{what} is not in its JSON form, so a shell would stand between: {rest}")
        return []


stages = []
with open(path, encoding="utf-8") as file:
    for word, rest in instructions(file.read()):
        if word not in KNOWN:
            faults.append(f"unknown instruction {word}")
        elif word == "FROM":
            name = re.fullmatch(r"(\S+?):(\S+)(?: AS (\S+))?", rest)
            if not name or name[2] == "latest":
                faults.append(f"FROM without a fixed tag: {rest}")
            stages.append({"name": name and name[3], "steps": [], "words": {}})
        else:
            stages[-1]["steps"].append((word, rest))
            stages[-1]["words"].setdefault(word, []).append(rest)

last = stages[-1]
names = [stage["name"] for stage in stages[:-1]]
for stage in stages:
    for word, rest in stage["steps"]:
        if word == "RUN" and "apt-get install" in rest:
            if "--no-install-recommends" not in rest or "rm -rf /var/lib/apt/lists" not in rest:
                faults.append("apt-get install leaves lists or brings recommendations")
        if word == "COPY":
            *sources, _ = [each for each in shlex.split(rest) if not each.startswith("--")]
            origin = re.search(r"--from=(\S+)", rest)
            if origin and origin[1] not in names:
                faults.append(f"COPY from a stage that is not there: {origin[1]}")
            for source in sources if not origin else []:
                if not glob.glob(os.path.join(context, source)):
                    faults.append(f"COPY of what is not there: {source}")

user = (last["words"].get("USER") or ["root"])[-1]
if not re.fullmatch(r"[1-9]\d*", user):
    faults.append(f"USER is {user}: an engine cannot see that this is not root")
order = [word for word, _ in last["steps"]]
if "USER" in order and any(word in ("RUN", "COPY") for word in order[order.index("USER") :]):
    faults.append("RUN or COPY behind USER")
for word in ("HEALTHCHECK", "ENTRYPOINT", "CMD", "VOLUME", "EXPOSE", "USER"):
    if len(last["words"].get(word, [])) != 1:
        faults.append(f"{word} is wanted once")
if not faults:
    health = last["words"]["HEALTHCHECK"][0].partition("CMD ")[2]
    parts = {
        "run": "\n".join(last["words"].get("RUN", [])),
        "user": user,
        "folder": last["words"]["WORKDIR"][-1],
        "environment": "\n".join(each for rest in last["words"].get("ENV", []) for each in shlex.split(rest)),
        "volumes": "\n".join(listed(last["words"]["VOLUME"][0], "VOLUME")),
        "health": "\n".join(listed(health, "HEALTHCHECK")),
        "command": "\n".join(listed(last["words"]["ENTRYPOINT"][0], "ENTRYPOINT") + listed(last["words"]["CMD"][0], "CMD")),
        "ports": "\n".join(last["words"]["EXPOSE"][0].split()),
        "program": next(shlex.split(rest)[-1] for word, rest in last["steps"] if word == "COPY" and "--from=" in rest),
    }
    for name, content in parts.items():
        with open(os.path.join(out, name), "w", encoding="utf-8") as file:
            file.write(content + "\n")
for fault in faults:
    print(f"Containerfile: {fault}", file=sys.stderr)
sys.exit(1 if faults else 0)
