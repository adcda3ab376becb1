#!/usr/bin/env python3
"""Writes the man pages from the program itself.

manual.py command HELP.json   attendance-gateway(1), from attendance-gateway --experimental-dump-help
manual.py settings SAMPLE     config.ini(5), from attendance-gateway check-config --print-sample
Environment: VERSION and DATE (YYYY-MM-DD) for the foot of the page.
"""

import json
import os
import re
import sys

VERSION = os.environ.get("VERSION", "")
DATE = os.environ.get("DATE", "")
PROGRAM = "attendance-gateway"


def text(words):
    """Plain text as roff."""
    words = words.replace("\\", "\\e").replace("-", "\\-")
    lines = [re.sub(r"^([.'])", r"\\&\1", line.strip()) for line in words.split("\n")]
    return "\n".join(line for line in lines if line)


def title(name, section, about):
    return [
        f'.TH "{name}" "{section}" "{DATE}" "{PROGRAM} {VERSION}" "{about}"',
        ".nh",
        ".ad l",
    ]


def option_names(argument):
    names = []
    for name in sorted(argument["names"], key=lambda each: each["kind"] != "short"):
        names.append(("-" if name["kind"] == "short" else "--") + name["name"])
    return names


def described(argument):
    """The description of an argument, with its values and default."""
    words = argument.get("abstract", "")
    values = [each for each in argument.get("allValues", []) if each]
    if values and not any(re.search(rf"\b{re.escape(each)}\b", words) for each in values):
        words += f" Values: {', '.join(values)}."
    if default := argument.get("defaultValue"):
        words += f" Default: {default}."
    return words.strip()


def synopsis(path, command):
    parts = [f"\\fB{text(' '.join(path))}\\fR"]
    if any(shown(each) for each in command.get("subcommands", [])):
        parts.append("\\fIcommand\\fR")
    options = False
    for argument in command.get("arguments", []):
        if not argument.get("shouldDisplay", True) or is_common(argument):
            continue
        if argument["kind"] == "positional":
            name = f"\\fI{text(argument.get('valueName', 'value'))}\\fR"
            name += " ..." if argument.get("isRepeating") else ""
            parts.append(f"[{name}]" if argument.get("isOptional") else name)
        elif argument.get("isOptional", True):
            options = True
        else:
            parts.append(f"\\fB{text(option_names(argument)[-1])}\\fR \\fI{text(argument.get('valueName', ''))}\\fR")
    if options:
        parts.insert(1, "[\\fIoption\\fR ...]")
    return " ".join(parts)


def shown(command):
    return command.get("shouldDisplay", True) and command["commandName"] != "help"


COMMON = {"version", "help", "config", "set"}


def is_common(argument):
    return any(each["name"] in COMMON for each in argument.get("names", []))


def arguments(command):
    lines = []
    for argument in command.get("arguments", []):
        if not argument.get("shouldDisplay", True) or is_common(argument):
            continue
        lines.append(".TP")
        value = argument.get("valueName", "value")
        if argument["kind"] == "positional":
            lines.append(f"\\fI{text(value)}\\fR")
        else:
            names = ", ".join(f"\\fB{text(name)}\\fR" for name in option_names(argument))
            lines.append(names + (f" \\fI{text(value)}\\fR" if argument["kind"] == "option" else ""))
        lines.append(text(described(argument)) or "See above.")
    return lines


def section(path, command, lines):
    lines.append(f'.SS "{text(" ".join(path[1:]))}"')
    lines.append(synopsis(path, command))
    lines.append(".PP")
    lines.append(text(command.get("abstract", "")))
    if discussion := command.get("discussion"):
        lines += [".PP", text(discussion)]
    lines += arguments(command)
    for each in command.get("subcommands", []):
        if shown(each):
            section([*path, each["commandName"]], each, lines)


def command_page(dump):
    root = dump["command"]
    abstract = root.get("abstract", "")
    lines = title("ATTENDANCE\\-GATEWAY", "1", "User Commands")
    lines += [".SH NAME", f"{text(PROGRAM)} \\- {text(abstract[:1].lower() + abstract[1:].rstrip('.'))}"]
    lines += [".SH SYNOPSIS", f"\\fB{text(PROGRAM)}\\fR [\\fIcommand\\fR] [\\fIoption\\fR ...]"]
    lines += [
        ".SH DESCRIPTION",
        text(abstract),
        "Without a command it runs the gateway (\\fBserve\\fR).",
        "Every command takes these:",
        ".TP",
        "\\fB\\-\\-config\\fR \\fIpath\\fR",
        "The settings file, see \\fBconfig.ini\\fR(5). Without it: config.ini in the working folder, beside the program, in",
        "/etc/attendance\\-gateway or in /etc/attendance\\-system.",
        ".TP",
        "\\fB\\-\\-set\\fR \\fISection.Key=value\\fR",
        "Set one value over file and environment; may be repeated.",
        ".TP",
        "\\fB\\-h\\fR, \\fB\\-\\-help\\fR",
        "Show help of a command.",
        ".TP",
        "\\fB\\-\\-version\\fR",
        "Show the version.",
        ".SH COMMANDS",
    ]
    for each in root.get("subcommands", []):
        if shown(each):
            section([PROGRAM, each["commandName"]], each, lines)
    lines += [
        ".SH FILES",
        ".TP",
        "\\fI/etc/attendance\\-gateway/config.ini\\fR",
        "The settings.",
        ".TP",
        "\\fI/var/lib/attendance\\-gateway\\fR",
        "The journal of all punches, and the key that seals credentials and photos. Belongs to the user",
        "attendance\\-gateway: run commands as it (\\fBsudo \\-u attendance\\-gateway\\fR).",
        ".TP",
        "\\fI/var/log/attendance\\-gateway\\fR",
        "The log, and the monthly CSV of punches.",
        ".TP",
        "\\fI/usr/share/doc/attendance\\-gateway/docs\\fR",
        "The handbook.",
        ".SH EXIT STATUS",
        "0: done. 1: not done, or not all of it. 64: the command line is wrong. 66: there is no journal.",
        "69: no gateway answers, or the journal or a port cannot be used. 78: mistakes in the settings.",
        ".SH SEE ALSO",
        "\\fBconfig.ini\\fR(5), \\fBsystemctl\\fR(1), \\fBjournalctl\\fR(1)",
    ]
    return lines


def settings_page(sample):
    lines = title("CONFIG.INI", "5", "File Formats")
    lines += [
        ".SH NAME",
        f"config.ini \\- settings of {text(PROGRAM)}",
        ".SH SYNOPSIS",
        "\\fI/etc/attendance\\-gateway/config.ini\\fR",
        ".SH DESCRIPTION",
        "Sections in brackets, and in them lines of the form Key = value. Neither sections nor keys tell capital letters",
        "from small ones. A comment begins with # or ; and has a line of its own. Values are taken as they stand: no quotes,",
        "no escapes. Relative paths are relative to the folder of the file. A list may go on over indented lines.",
        ".PP",
        "Environment variables such as ATTENDANCE_ERP_URL override the file, and \\fB\\-\\-set\\fR overrides both.",
        "\\fBattendance\\-gateway check\\-config\\fR tells every mistake with its line, or what would run.",
        "\\fBsystemctl reload attendance\\-gateway\\fR takes changes over; the log names what needs a restart.",
        ".SH SECTIONS",
    ]
    words = []
    started = False
    for line in sample.split("\n"):
        head = re.match(r"^#?\[([^]]+)\]$", line)
        key = re.match(r"^#?([A-Za-z][A-Za-z0-9]*) =(.*)$", line)
        if head:
            started = True
            lines += [f'.SS "[{text(head[1])}]"', text(" ".join(words))]
            if line.startswith("#"):
                lines.append("The name after the first word is yours to choose.")
            words = []
        elif key:
            value = key[2].strip()
            lines += [".TP", f"\\fB{text(key[1])}\\fR" + (f" = \\fI{text(value)}\\fR" if value else " =")]
            lines.append(text(" ".join(words)) or "See above.")
            words = []
        elif line.startswith("# "):
            words.append(line[2:])
        elif not line.strip() and not started:
            words = []
    lines += [
        ".SH FILES",
        ".TP",
        "\\fI/usr/share/doc/attendance\\-gateway/examples/config.ini\\fR",
        "Every setting with its default, as a comment.",
        ".SH SEE ALSO",
        f"\\fB{text(PROGRAM)}\\fR(1)",
    ]
    return lines


def main():
    kind, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        content = file.read()
    page = command_page(json.loads(content)) if kind == "command" else settings_page(content)
    print("\n".join(line for line in page if line))


if __name__ == "__main__":
    main()
